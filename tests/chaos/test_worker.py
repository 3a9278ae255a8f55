"""Workers are killed in the middle of sending: no message is lost, and few go out twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import pytest

from tests.chaos import checks
from tests.chaos.clients import Client, History
from tests.chaos.conftest import Figures
from tests.chaos.stack import LONG, Stack, wait_until

pytestmark = pytest.mark.chaos

PACKAGES, CANCELLED = 160, 16
CHILD_KILLS, GROUP_KILLS = 6, 3
PAUSE = 0.06  # seconds from accepting a message to saying so


def test_killed_workers_lose_no_message(stack: Stack, figures: Figures) -> None:
    """Children and whole workers are killed while hundreds of messages go out."""
    history = History()
    stack.start("web")
    cancelled = _fill(stack, history)
    stack.sinks.pause = PAUSE
    stack.start("worker", "beat")
    killed = _kill_many(stack)
    stack.start("worker")
    seconds = wait_until(lambda: stack.unsent() == 0, 60, "every message is sent")

    copies = checks.messages(stack, duplicates=killed)
    rows = stack.rows("SELECT id, kind, status, subject FROM notifications_notification")
    stored_of_cancelled = [row for row in rows if row["kind"] == "stored" and row["subject"] in cancelled]
    assert len(stored_of_cancelled) == 2 * CANCELLED
    assert {row["status"] for row in stored_of_cancelled} == {"suppressed"}
    assert not {row["id"] for row in stored_of_cancelled} & set(stack.sinks.copies())
    assert len(rows) == 2 * (PACKAGES + CANCELLED)
    # Where nobody heard of a package, nobody hears that it is off.
    assert 2 * (PACKAGES - CANCELLED) <= sum(row["status"] == "sent" for row in rows) <= 2 * PACKAGES
    checks.packages(stack, history)
    checks.audit(stack)
    figures(f"{killed} kills, {2 * PACKAGES} messages, {copies} twice, {seconds:.1f} s to drain")


def _fill(stack: Stack, history: History) -> set[str]:
    """Packages with two messages each, before any worker runs; returns the subjects of the cancelled ones."""

    def bring(seed: int) -> None:
        client = Client(stack, history, seed=seed)
        for _ in range(PACKAGES // 4):
            client.bring()

    threads = [threading.Thread(target=bring, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client = Client(stack, history)
    for story in history.stories[:CANCELLED]:
        client.cancel(story)
    assert len(history.stories) == PACKAGES
    return {f"package:{story.package_id}" for story in history.stories[:CANCELLED]}


def _kill_many(stack: Stack) -> int:
    """Kill while messages go out; returns how many sending processes were killed. No worker is left alive.

    A killed child leaves a batch that nobody touches until its lease ends, hence the minute after each round.
    """
    choice = random.Random(1)
    killed = 0
    for group in range(GROUP_KILLS):
        for _ in range(CHILD_KILLS // GROUP_KILLS):
            _sends_something(stack)
            time.sleep(choice.uniform(0.0, 2 * PAUSE))
            os.kill(choice.choice(stack.children("worker")), signal.SIGKILL)
            killed += 1
        _sends_something(stack)
        time.sleep(choice.uniform(0.0, 2 * PAUSE))
        killed += len(stack.children("worker"))
        stack.kill("worker")
        assert stack.unsent() > 0, "all messages were out before the last kill: it proved nothing"
        _leases_run_out(stack)
        if group < GROUP_KILLS - 1:
            stack.start("worker")
    return killed


def _sends_something(stack: Stack) -> None:
    """Wait until messages go out, from two children where there are two channels left."""
    before = len(stack.sinks.messages())
    wait_until(lambda: len(stack.sinks.messages()) > before + 3, 45, "messages go out")


def _leases_run_out(stack: Stack) -> None:
    """A minute passes, with no worker alive: waited for, or taken off the leases, to the same effect."""
    if LONG:
        time.sleep(60)
        return
    stack.rows(
        "UPDATE notifications_notification SET leased_until = leased_until - interval '60 s'"
        " WHERE status = 'sending' RETURNING id"
    )
