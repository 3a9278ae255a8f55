"""Web workers and beats are killed and doubled: no key stays locked, nothing happens twice."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from celery import Celery

from lockerportal.celery import app
from tests.chaos import checks
from tests.chaos.clients import Client, History, Load
from tests.chaos.conftest import Figures
from tests.chaos.stack import LONG, Stack, wait_until

pytestmark = pytest.mark.chaos

WEB_KILLS = 12 if LONG else 3
# Granian gives up (for its supervisor to start it again) when one worker ends twice within 5.5 s.
BETWEEN_KILLS = 7.0
EXPIRING = 120
RESTARTS = 6 if LONG else 2
SWEEPS = 8  # asked for at once, besides those of two beats


@pytest.fixture(scope="module", autouse=True)
def running(stack: Stack) -> None:
    """Two beats at once from the beginning."""
    stack.start("web", "worker", "beat-1", "beat-2")


@pytest.fixture(scope="module")
def history() -> History:
    """What was brought before the load."""
    return History()


@pytest.mark.parametrize("stage", ["key", "package", "answer"])
def test_killed_in_mid_request(stage: str, stack: Stack, history: History, figures: Figures) -> None:
    """Before anything is done, before the package is written, while the answer is kept: all of it or nothing.

    Each request is sent twice at once. No key stays locked: the repeats get their answer, and the same one.
    """
    before = stack.value("SELECT count(*) FROM packages_app_package")
    begun = time.monotonic()
    couriers = [Client(stack, history, seed=seed) for seed in range(3)]
    asking = [threading.Thread(target=courier.bring_twice_at_once) for courier in couriers]
    with STOPPED[stage](stack):
        for request in asking:
            request.start()
        wait_until(lambda: _waiting_for_lock(stack) >= len(asking), 10, "the requests are at work")
        _kill(stack, stack.children("web"))
    for request in asking:
        request.join()
    statuses = history.statuses(begun)
    assert statuses[0] >= 2 * len(asking)  # each first request ended without an answer
    assert statuses[201] == 2 * len(asking)
    assert set(statuses) <= {0, 201, 503}
    assert history.wrong == []
    checks.packages(stack, history)
    assert stack.value("SELECT count(*) FROM packages_app_package") == before + len(asking)
    assert stack.value("SELECT count(*) FROM packages_app_idempotencykey WHERE status IS NULL") == 0
    figures(f"killed at the {stage}: {dict(statuses)}, slowest {history.slowest(begun):.2f} s")
    time.sleep(BETWEEN_KILLS)


def test_killed_under_load(stack: Stack, figures: Figures) -> None:
    """Web workers die at any point; couriers and kiosks repeat, and see each thing happen once."""
    before = stack.value("SELECT count(*) FROM packages_app_package")
    with Load(stack, clients=6) as load:
        for _ in range(WEB_KILLS):
            time.sleep(BETWEEN_KILLS)
            _kill(stack, stack.children("web")[:1])
        time.sleep(BETWEEN_KILLS)
        _kill_at_work(stack)
    wait_until(lambda: stack.unsent() == 0, 60, "every message is sent")
    statuses = load.history.statuses()
    assert set(statuses) <= {0, 200, 201}
    assert statuses[0] > 0  # it was felt
    assert load.history.wrong == []
    acknowledged = {story.package_id for story in load.history.stories}
    assert None not in acknowledged
    assert stack.value("SELECT count(*) FROM packages_app_package") == before + len(acknowledged)
    assert checks.messages(stack, duplicates=0) == 0
    checks.audit(stack)
    packages = len(load.history.stories)
    figures(f"{WEB_KILLS} kills of a web worker and one of all, {packages} packages, {dict(statuses)}")


def test_two_beats_and_a_killed_one(stack: Stack, figures: Figures) -> None:
    """The hold of many packages ends while beats tick twice, one dies, and sweeps run at the same time."""
    client = Client(stack, History())
    ids = []
    for _ in range(EXPIRING):
        ids.append(client.bring().package_id)
        assert ids[-1] is not None
    wait_until(lambda: stack.unsent() == 0, 60, "the codes are sent")
    _age(stack, ids)
    stack.kill("beat-1")
    stack.start("beat-3")
    with _somebody_holds(stack, ids):
        _ask_for_sweeps(stack)
        time.sleep(
            1
        )  # below lock_timeout: sweeps that waited for the rows would all go on at the same moment
    _ask_for_sweeps(stack)
    expired = "SELECT count(*) FROM packages_app_package WHERE status = 'EXPIRED' AND id = ANY(%s::uuid[])"
    seconds = wait_until(lambda: stack.value(expired, ids) == EXPIRING, 45, "all of them expire")
    _two_ticks(stack)
    wait_until(lambda: stack.unsent() == 0, 60, "every message is sent")

    events = "SELECT count(*) FROM packages_app_packageevent WHERE event = 'expired'"
    assert stack.value(events) == EXPIRING
    told = [message for message in stack.sinks.messages() if message["kind"] == "expired"]
    assert len(told) == len({message["id"] for message in told}) == 2 * EXPIRING
    assert checks.messages(stack, duplicates=0) == 0
    checks.audit(stack)
    figures(f"{EXPIRING} expired in {seconds:.1f} s, {len(told)} messages, 0 twice")


def test_a_beat_that_never_lives_long_runs_every_job(stack: Stack, figures: Figures) -> None:
    """Beats are killed again and again; the hourly jobs run when they are due, and not at every start."""
    for beat in [name for name in stack.running if name.startswith("beat")]:
        stack.kill(beat)
    _nothing_is_queued(stack)
    hourly = sorted(name for name, job in app.conf.beat_schedule.items() if job["schedule"] == 3600)
    assert len(hourly) >= 4
    hour_later = (
        "UPDATE lockerportal_scheduledjob SET started_at = clock_timestamp() - interval '61 min'"
        " WHERE name = ANY(%s) RETURNING name"
    )
    starts = 0
    for _ in range(2):
        assert len(stack.rows(hour_later, hourly)) == len(hourly)
        for _ in range(RESTARTS):
            starts += 1
            _lives_shortly(stack, f"beat-again-{starts}", hourly)
    sent = [stack.log(f"beat-again-{number + 1}").read_text() for number in range(starts)]
    for name in hourly:
        assert sum(log.count(f"Sending due task {name} ") for log in sent) == 2, name
    figures(f"{starts} beats, each of {len(hourly)} hourly jobs ran twice")


def _nothing_is_queued(stack: Stack) -> None:
    """What the beats asked for has begun, and a second later it is written down."""
    with redis.Redis.from_url(stack.servers.redis_url) as broker:
        wait_until(lambda: not broker.llen("lockerportal") + broker.hlen("unacked"), 30, "all jobs run")
    time.sleep(1)


def _lives_shortly(stack: Stack, beat: str, hourly: list[str]) -> None:
    """A beat until the hourly jobs have run and it has sent others; then it is killed."""
    fresh = (
        "SELECT count(*) FROM lockerportal_scheduledjob WHERE name = ANY(%s)"
        " AND started_at > clock_timestamp() - interval '1 h'"
    )
    stack.start(beat)
    wait_until(lambda: "deliver messages" in stack.log(beat).read_text(), 30, "it ticks")
    wait_until(lambda: stack.value(fresh, hourly) == len(hourly), 30, "the hourly jobs run")
    stack.kill(beat)


def _kill(stack: Stack, workers: list[int]) -> None:
    """`kill -9` of what serves requests; the web server's parent starts them again."""
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    _started_again(stack, workers)


def _kill_at_work(stack: Stack) -> None:
    """All that serve requests, at a moment when one of them surely does; no request waits longer for it."""
    with _nobody_can_write_packages(stack):
        wait_until(lambda: _waiting_for_lock(stack) > 0, 10, "a request is at work")
        workers = stack.children("web")
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
    _started_again(stack, workers)


def _started_again(stack: Stack, killed: list[int]) -> None:
    wait_until(lambda: len(set(stack.children("web")) - set(killed)) == 2, 20, "workers are started again")


@contextmanager
def _nobody_can_take_keys(stack: Stack) -> Iterator[None]:
    with stack.database() as connection:
        connection.execute("LOCK TABLE packages_app_idempotencykey IN SHARE MODE")
        yield


@contextmanager
def _nobody_can_write_packages(stack: Stack) -> Iterator[None]:
    with stack.database() as connection:
        connection.execute("LOCK TABLE packages_app_package IN SHARE MODE")
        yield


@contextmanager
def _nobody_can_keep_answers(stack: Stack) -> Iterator[None]:
    """Who writes an answer waits for a lock that only the test has; all else of the request is done."""
    with stack.database() as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER wait_for_test BEFORE INSERT ON packages_app_idempotencykey"
            " FOR EACH ROW EXECUTE FUNCTION wait_for_test()"
        )
    with stack.database() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(4711)")
        yield
    with stack.database() as connection:
        connection.execute("DROP TRIGGER wait_for_test ON packages_app_idempotencykey")


STOPPED = {
    "key": _nobody_can_take_keys,
    "package": _nobody_can_write_packages,
    "answer": _nobody_can_keep_answers,
}


@contextmanager
def _somebody_holds(stack: Stack, ids: list[str | None]) -> Iterator[None]:
    with stack.database() as connection:
        connection.execute("SELECT FROM packages_app_package WHERE id = ANY(%s::uuid[]) FOR UPDATE", [ids])
        yield


def _waiting_for_lock(stack: Stack) -> int:
    return int(
        stack.value(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"
            " AND query LIKE %s",
            "%WITH duplicate%",  # the one statement of a drop-off
        )
    )


def _age(stack: Stack, ids: list[str | None]) -> None:
    """Ten days go by for these packages."""
    stack.rows(
        "UPDATE packages_app_package SET stored_at = stored_at - interval '10 days',"
        " expires_at = expires_at - interval '10 days' WHERE id = ANY(%s::uuid[]) RETURNING id",
        ids,
    )


def _ask_for_sweeps(stack: Stack) -> None:
    asking = Celery(broker=stack.servers.redis_url)
    for _ in range(SWEEPS):
        asking.send_task("packages_app.tasks.expire", queue="lockerportal", ignore_result=True)
        asking.send_task("notifications.tasks.deliver", queue="lockerportal", ignore_result=True)
    asking.close()


def _two_ticks(stack: Stack) -> None:
    """Both beats have looked since everything was expired, and found nothing more to do."""

    def ticks() -> list[int]:
        return [stack.log(beat).read_text().count("deliver messages") for beat in ("beat-2", "beat-3")]

    before = ticks()
    wait_until(lambda: all(now > then for now, then in zip(ticks(), before, strict=True)), 20, "both tick")
