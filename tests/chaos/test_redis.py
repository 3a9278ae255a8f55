"""Redis is only a wake-up call: away, wiped or silent, it costs nobody an answer and no message."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.chaos import checks
from tests.chaos.clients import History, Load, request
from tests.chaos.conftest import Figures
from tests.chaos.stack import LONG, Stack, wait_until

pytestmark = pytest.mark.chaos

OUTAGE = 600.0 if LONG else 20.0
SLOWER = 10.0 if LONG else 1.0  # else the locations are full before Redis is back
SILENCE = 60.0 if LONG else 10.0
SLOWEST = 2.0  # seconds; far over the usual answer on a busy machine, far under a hanging publish
RECOVERY = 45.0  # seconds until the worker takes jobs again by itself; Celery tries every 30 s at the longest
DRAINED = 180.0 if LONG else 45.0  # seconds from then on until all that waited is out, on a busy machine


@pytest.fixture(scope="module", autouse=True)
def running(stack: Stack) -> None:
    """Everything runs, and goes on running: nothing is started again in this module but Redis."""
    stack.start("web", "worker", "beat")
    assert request(stack, "GET", "/readyz").body["status"] == "ok"


def test_stopped_and_wiped(stack: Stack, figures: Figures) -> None:
    """Killed under load, away for a while, and back with nothing of what it knew when the load has ended."""
    with _starts_empty(stack), Load(stack, clients=4, slower=SLOWER) as load:
        time.sleep(3)
        stack.kill_valkey()
        began = time.monotonic()
        time.sleep(OUTAGE / 2)
        _degraded(stack)
        by_command = _delivers_without_broker(stack)
        time.sleep(max(0.0, began + OUTAGE - time.monotonic()))
        statuses, slowest = load.history.statuses(since=began), load.history.slowest(since=began)
    back = time.monotonic()
    recovered = _recovers(stack, back)

    _answered_as_ever(stack, load.history, statuses, slowest)
    held_back = checks.nothing_for_cancelled(stack)
    assert held_back > 0  # some were called off while nothing could go out
    figures(
        f"away {back - began:.0f} s, {sum(statuses.values())} answers {dict(statuses)},"
        f" {held_back} messages held back for cancelled packages,"
        f" slowest {slowest:.2f} s, {by_command} sent without a broker, worker back after {recovered:.1f} s"
    )


def test_silent(stack: Stack, figures: Figures) -> None:
    """It accepts connections and never answers."""
    with Load(stack, clients=4) as load:
        time.sleep(2)
        with _silent(stack):
            began = time.monotonic()
            time.sleep(SILENCE / 2)
            _degraded(stack)
            by_command = _delivers_without_broker(stack)
            time.sleep(max(0.0, began + SILENCE - time.monotonic()))
            statuses, slowest = load.history.statuses(since=began), load.history.slowest(since=began)
        back = time.monotonic()
    recovered = _recovers(stack, back)

    _answered_as_ever(stack, load.history, statuses, slowest)
    figures(
        f"silent {back - began:.0f} s, {sum(statuses.values())} answers {dict(statuses)},"
        f" slowest {slowest:.2f} s, {by_command} sent without a broker, worker back after {recovered:.1f} s"
    )


def test_flushed_while_it_runs(stack: Stack, figures: Figures) -> None:
    """Everything in it is gone, and no connection breaks that would tell anybody."""
    with Load(stack, clients=2) as load:
        for _ in range(5):
            time.sleep(0.5)
            client = redis.Redis.from_url(stack.servers.redis_url)
            client.flushall()
            client.close()
    recovered = _recovers(stack, time.monotonic())
    statuses = load.history.statuses()
    _answered_as_ever(stack, load.history, statuses, load.history.slowest())
    checks.audit(stack)
    figures(f"flushed 5 times, {dict(statuses)}, all messages out after {recovered:.1f} s")


def _answered_as_ever(stack: Stack, history: History, statuses: dict[int, int], slowest: float) -> None:
    assert sum(statuses.values()) > 20  # there was load
    assert set(statuses) <= {200, 201}
    assert slowest < SLOWEST
    checks.packages(stack, history, alone=False)


def _degraded(stack: Stack) -> None:
    ready = request(stack, "GET", "/readyz")
    assert (ready.status, ready.body["status"]) == (200, "degraded")
    assert (ready.body["database"], ready.body["redis"]) == ("ok", "away")


def _delivers_without_broker(stack: Stack) -> int:
    """`deliver_notifications` works off as many as wait, without any broker; returns how many it sent."""
    ended = "SELECT count(*) FROM notifications_notification WHERE status IN ('sent', 'suppressed')"
    waiting, before, sent_before = stack.unsent(), stack.value(ended), len(stack.sinks.messages())
    assert waiting > 10
    stack.manage("deliver_notifications", "--once")
    assert stack.value(ended) - before >= waiting
    return len(stack.sinks.messages()) - sent_before


def _recovers(stack: Stack, back: float) -> float:
    """The same worker and the same beat deliver again; returns seconds since `back`."""
    waiting = stack.unsent()
    wait_until(lambda: stack.unsent() < max(waiting, 1), RECOVERY, "the worker delivers again by itself")
    recovered = time.monotonic() - back
    wait_until(lambda: stack.unsent() == 0, DRAINED, "every message is sent")
    wait_until(
        lambda: request(stack, "GET", "/readyz").body["status"] == "ok", 5, "readyz says that all is well"
    )
    assert all(stack.alive(name) for name in ("web", "worker", "beat"))
    checks.messages(stack, duplicates=0)
    return recovered


@contextmanager
def _starts_empty(stack: Stack) -> Iterator[None]:
    """In the end Valkey, which was killed, starts without its data."""
    try:
        yield
    finally:
        shutil.rmtree(stack.servers.home / "valkey" / "appendonlydir")
        stack.servers.start_valkey()


@contextmanager
def _silent(stack: Stack) -> Iterator[None]:
    assert stack.servers.valkey is not None
    os.kill(stack.servers.valkey.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stack.servers.valkey.pid, signal.SIGCONT)
