"""Many at the same moment: real threads, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection

from packages_app import audit

Result = TypeVar("Result")


def together(*work: Callable[[], Result]) -> list[Result | Exception]:
    """Runs each in a thread of its own, all let go at once; gives what each returned or raised, in order."""
    barrier = threading.Barrier(len(work))

    def run(one: Callable[[], Result]) -> Result | Exception:
        try:
            connection.ensure_connection()  # the time to connect would spread them
            barrier.wait(timeout=30)
            return one()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def kinds(results: Sequence[Any]) -> dict[str, int]:
    """How many of each: the class name of what was raised, else "ok"."""
    counted: dict[str, int] = {}
    for result in results:
        kind = type(result).__name__ if isinstance(result, Exception) else "ok"
        counted[kind] = counted.get(kind, 0) + 1
    return counted


def assert_sound() -> None:
    """The audit finds nothing wrong in the whole database."""
    found = [(finding.invariant.id, finding.invariant.meaning, finding.rows) for finding in audit.run() if finding.rows]
    assert not found, found
