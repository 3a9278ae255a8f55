"""A beat that remembers in the database when each job last ran, so restarts delay no job.

Celery's own scheduler remembers it in a file. If the file is lost, or beat was killed before it wrote it,
every interval starts again: an hourly job never runs if beat restarts every half hour.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from celery import beat
from django.db import Error, connection

logger = logging.getLogger(__name__)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Scheduler(beat.Scheduler):  # type: ignore[misc]
    """The beat table in `lockerportal/celery.py`, with the time of each job's last run from its row."""

    def setup_schedule(self) -> None:
        """Load the schedule. A job that never ran, or whose last run is unknown, is due at once."""
        super().setup_schedule()
        starts, now = _last_starts(), datetime.now(UTC)
        for name, entry in self.schedule.items():
            # The database's clock may be ahead of this one, by which the interval is measured.
            entry.last_run_at = min(starts.get(name, LONG_AGO), now)


def _last_starts() -> dict[str, datetime]:
    # It needs the models, which are not loaded when Celery imports this module.
    from lockerportal.jobs import run_history

    try:
        return run_history.last_starts()
    except Error as error:
        logger.warning("Running all jobs, because it is unknown when they last ran: %s", type(error).__name__)
        return {}
    finally:
        connection.close()  # beat needs nothing else from the database
