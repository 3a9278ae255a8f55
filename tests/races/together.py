"""Many at the same moment: real threads, each with a database connection of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection
from django.utils import timezone

from lockers.models import Location, Size
from packages_app import operations
from packages_app.invariants import audit
from packages_app.models import Courier, Package, Recipient
from tests.world import actor

Result = TypeVar("Result")


def together(*work: Callable[[], Result]) -> list[Result | Exception]:
    """Runs each in a thread of its own, all let go at once; gives what each returned or raised, in order."""
    barrier = threading.Barrier(len(work))

    def run(one: Callable[[], Result]) -> Result | Exception:
        try:
            connection.ensure_connection()  # the time to connect would spread them
            barrier.wait(timeout=60)
            return one()
        except Exception as error:  # noqa: BLE001  (that somebody failed is a result to count)
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def in_rounds(
    threads: int, rounds: int, *, prepare: Callable[[int], None], work: Callable[[int, int], Result]
) -> list[list[Result | Exception]]:
    """`work(round, thread)` at once in all threads, again and again; `prepare(round)` alone before each.

    The connections are kept from round to round: to connect takes longer than what is raced for.
    """
    begin, end = threading.Barrier(threads + 1), threading.Barrier(threads + 1)
    results: list[list[Any]] = [[None] * threads for _ in range(rounds)]

    def run(thread: int) -> None:
        try:
            for number in range(rounds):
                begin.wait(timeout=60)
                try:
                    results[number][thread] = work(number, thread)
                except Exception as error:  # noqa: BLE001
                    results[number][thread] = error
                end.wait(timeout=60)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(run, thread) for thread in range(threads)]
        for number in range(rounds):
            prepare(number)
            begin.wait(timeout=60)
            end.wait(timeout=60)
        for one in running:
            one.result()
    return results


def kinds(results: Iterable[Any]) -> dict[str, int]:
    """How many of each: the class name of what was raised, else "ok"."""
    counted: dict[str, int] = {}
    for result in results:
        kind = type(result).__name__ if isinstance(result, Exception) else "ok"
        counted[kind] = counted.get(kind, 0) + 1
    return counted


def bring(courier: Courier, location: Location, number: str, *, size: int = 1, **more: Any) -> Package:
    """A package that was really assigned, with its history, at this moment."""
    assigned = operations.assign(
        by=actor(courier),
        now=timezone.now(),
        location=location.code,
        tracking_number=number,
        size=Size(size),
        recipient=Recipient(name="Mari", email="mari@example.com", phone="+3725551234"),
        **more,
    )
    return assigned.package


def after_the_hold() -> datetime:
    """When the hold of everything that was brought just now has ended."""
    return timezone.now() + timedelta(days=4)


def wait_until_somebody_waits() -> None:
    """Until a connection stands at a lock."""
    for _ in range(1000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.005)
    raise AssertionError("nobody waits for a lock")


def assert_sound() -> None:
    """The audit finds nothing wrong in the whole database."""
    findings = [finding for finding in audit.run() if finding.rows]
    assert not findings, [(one.invariant.id, one.invariant.meaning, one.rows) for one in findings]
