"""The audit: looks for anything that must never be (`invariants.py`), and changes nothing.

Harmless on a live system: it only reads, takes no lock that anybody waits for, and sees one snapshot.
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

# How many violations of one invariant are named; all of them are counted.
NAMED = 20
# Longer than any request may take: the whole table is read, and nobody waits for it.
TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one invariant: how many violations, and the first `NAMED` of them."""

    invariant: Invariant
    violations: int
    rows: list[dict[str, Any]]
    seconds: float


@contextmanager
def snapshot() -> Iterator[None]:
    """A read-only transaction in which every statement sees the same moment."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
        yield


def run() -> Iterator[Finding]:
    """Each invariant's finding, one after the other, over one snapshot of the database."""
    with snapshot():
        for invariant in INVARIANTS:
            yield check(invariant)


def check(invariant: Invariant) -> Finding:
    """One invariant, in the transaction that is open."""
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
