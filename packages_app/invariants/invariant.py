"""One thing that must always be true, as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule about the data: `sql` returns one row for each violation of `meaning`."""

    id: str
    meaning: str
    sql: str


def values(rows: Iterable[Iterable[str]]) -> str:
    """Return constants of this room as the rows of a VALUES list."""
    return ", ".join("(" + ", ".join(f"'{value}'" for value in row) + ")" for row in rows)
