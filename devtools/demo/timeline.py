"""A history that the real operations write.

Each step runs now, in the order of the times at which it pretends to happen. Afterwards the rows that it
wrote into history and outbox are moved back by the difference. So sample data obey every rule of real data.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection, transaction

from common.clock import database_now

Step = Callable[[datetime], None]
# The least time between two steps, so that their events stay in order.
_GAP = timedelta(seconds=2)

_TRIGGERS = {
    "packages_app_packageevent": "packageevent_append_only",
    "lockers_compartmentevent": "compartmentevent_append_only",
}
# A message is created together with its event and, in this history, sent a few seconds later.
_MOVES = (
    "UPDATE packages_app_packageevent row SET at = row.at - step.back FROM step WHERE {within[at]}",
    "UPDATE lockers_compartmentevent row SET at = row.at - step.back FROM step WHERE {within[at]}",
    """UPDATE packages_app_package row SET updated_at = row.updated_at - step.back
       FROM step WHERE {within[updated_at]}""",
    """UPDATE notifications_notification row
       SET created_at = row.created_at - step.back, next_attempt_at = row.created_at - step.back,
           sent_at = CASE WHEN row.sent_at IS NOT NULL THEN row.created_at - step.back + interval '4 s' END,
           receipt_at = row.receipt_at - step.back
       FROM step WHERE {within[created_at]}""",
)
_STEPS = """
WITH step AS (
    SELECT began, began - pretended AS back, lead(began, 1, %(ended)s) OVER (ORDER BY began) AS ended
    FROM unnest(%(began)s::timestamptz[], %(pretended)s::timestamptz[]) given (began, pretended)
)
"""


class Timeline:
    """The steps to run, and when each of them ran."""

    def __init__(self) -> None:
        self._due: list[tuple[datetime, int, Step]] = []
        self._order = count()
        self._began: list[datetime] = []
        self._pretended: list[datetime] = []

    def at(self, when: datetime, step: Step) -> None:
        """Plan `step` for `when`; a step may plan further steps."""
        heapq.heappush(self._due, (when, next(self._order), step))

    def run(self) -> int:
        """Run all steps, move what they wrote into the past, and return how many steps there were."""
        last = None
        with connection.cursor() as cursor:
            # Sample data can be created again, so its hundreds of commits do not have to wait for the disk.
            cursor.execute("SET synchronous_commit TO off")
        while self._due:
            when, _, step = heapq.heappop(self._due)
            if last is not None:
                when = max(when, last + _GAP)
            self._began.append(database_now())
            self._pretended.append(when)
            step(when)
            last = when
        self._move_back()
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")
        return len(self._began)

    def _move_back(self) -> None:
        """Move the rows of all steps into the past, with the triggers that protect history switched off."""
        if not self._began:
            return
        times: dict[str, Any] = {"began": self._began, "pretended": self._pretended, "ended": database_now()}
        within = {
            column: f"row.{column} >= step.began AND row.{column} < step.ended"
            for column in ("at", "updated_at", "created_at")
        }
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            for table, trigger in _TRIGGERS.items():
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
            for move in _MOVES:
                cursor.execute(_STEPS + move.format(within=within), times)
            for table, trigger in _TRIGGERS.items():
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")
