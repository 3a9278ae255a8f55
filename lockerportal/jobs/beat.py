"""Beat's memory is the database: however often beat is started anew, each job runs when it is due.

Celery's own is a file. Where it is gone, or beat was killed before it wrote it, every interval begins again:
an hourly job of a beat that is started once in half an hour never runs.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from celery import beat
from django.db import Error, connection

logger = logging.getLogger(__name__)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Scheduler(beat.Scheduler):  # type: ignore[misc]
    """The beat table as it stands in `lockerportal/celery.py`, each job last run when its row says so."""

    def setup_schedule(self) -> None:
        """What never ran, or of what nothing is known, is due at once: each job may run at any time."""
        super().setup_schedule()
        begun, now = _last_begun(), datetime.now(UTC)
        for name, entry in self.schedule.items():
            # The database's clock may be ahead of this one, which is what the interval is measured by.
            entry.last_run_at = min(begun.get(name, LONG_AGO), now)


def _last_begun() -> dict[str, datetime]:
    from lockerportal.jobs import runs  # needs the models, which are not loaded when Celery reads this

    try:
        return runs.last_begun()
    except Error as error:
        logger.warning("Nobody knows when the jobs last ran, so all of them run: %s", type(error).__name__)
        return {}
    finally:
        connection.close()  # beat needs no other question
