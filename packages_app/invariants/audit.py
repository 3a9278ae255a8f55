"""The audit: looks for violations of the invariants, and changes nothing.

It is harmless on a live system: it only reads, takes no lock that others wait for, and sees one snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from packages_app.invariants import INVARIANTS
from packages_app.invariants.invariant import Invariant

# How many violations of an invariant are listed; all of them are counted.
NAMED = 20
# Longer than a request may take, because whole tables are read and nobody waits for the result.
TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one invariant: the number of violations, and the first `NAMED` of them."""

    invariant: Invariant
    violations: int
    rows: list[dict[str, Any]]
    seconds: float


@contextmanager
def snapshot() -> Iterator[None]:
    """Open a read-only transaction in which every statement sees the same moment."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
        yield


def run() -> Iterator[Finding]:
    """Yield the finding of each invariant, over one snapshot of the database."""
    with snapshot():
        for invariant in INVARIANTS:
            yield check(invariant)


def check(invariant: Invariant) -> Finding:
    """Return the finding of one invariant, in the transaction that is open."""
    begun = time.monotonic()
    sql = f"SELECT found.*, count(*) OVER () AS found_count FROM ({invariant.sql}) found LIMIT {NAMED}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    violations = rows[0]["found_count"] if rows else 0
    for row in rows:
        del row["found_count"]
    return Finding(invariant, violations, rows, time.monotonic() - begun)
