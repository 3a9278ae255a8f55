"""Writing down how each run of a scheduled job went; called by the signals in `lockerportal/celery.py`.

A run costs two statements that wait for no disk. A job that is woken many times a second (delivery) is
written down once a second by each process, and whenever it fails.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from celery import current_app
from django.db import Error

from common.sql import fetch
from lockerportal.logs import redact
from lockerportal.models import ScheduledJob

logger = logging.getLogger(__name__)

LEAST_PAUSE = 1.0  # seconds between two runs of one job that one process writes down
LONGEST_ERROR = 300

# The loss of the last row in a crash of the server costs nothing: the next run writes it again.
_BEGUN = """
WITH no_wait AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO lockerportal_scheduledjob (name, started_at) SELECT %(name)s, clock_timestamp() FROM no_wait
ON CONFLICT (name) DO UPDATE SET started_at = excluded.started_at
"""
_DONE = """
WITH no_wait AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE lockerportal_scheduledjob
SET finished_at = clock_timestamp(), seconds = %(seconds)s, count = %(count)s::int, failures_in_row = 0,
    worked_at = CASE WHEN %(count)s::int > 0 THEN clock_timestamp() ELSE worked_at END,
    worked_count = CASE WHEN %(count)s::int > 0 THEN %(count)s::int ELSE worked_count END
FROM no_wait WHERE name = %(name)s
"""
_FAILED = """
WITH no_wait AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE lockerportal_scheduledjob
SET finished_at = clock_timestamp(), seconds = %(seconds)s, count = NULL,
    failures_in_row = failures_in_row + 1, failed_at = clock_timestamp(), last_error = %(error)s::text,
    failures = jsonb_path_query_array(
        jsonb_build_array(jsonb_build_object('at', clock_timestamp(), 'error', %(error)s::text)) || failures,
        '$[0 to 9]'
    )
FROM no_wait WHERE name = %(name)s
"""

_began: dict[str, tuple[float, bool]] = {}  # by the id of the run: when, and whether it is written down
_written: dict[str, float] = {}  # by the name of the job


def table() -> dict[str, timedelta]:
    """Every scheduled job of the beat table with its interval."""
    schedule = current_app.conf.beat_schedule
    return {name: timedelta(seconds=entry["schedule"]) for name, entry in schedule.items()}


def job_of(task: str) -> str | None:
    """The scheduled job that runs the task of this name, if any."""
    schedule = current_app.conf.beat_schedule
    return next((name for name, entry in schedule.items() if entry["task"] == task), None)


def task_of(job: str) -> str:
    """The name of the task that does a scheduled job. Raises `KeyError`."""
    task: str = current_app.conf.beat_schedule[job]["task"]
    return task


def make_rows() -> None:
    """A row for each job of the beat table, and none for a job that it no longer names."""
    rows = ScheduledJob.objects.all()
    rows.bulk_create((ScheduledJob(name=name) for name in table()), ignore_conflicts=True)
    rows.exclude(name__in=table()).delete()


def last_begun() -> dict[str, datetime]:
    """When each job last began; those that never did are not in it."""
    jobs = ScheduledJob.objects.values_list("name", "started_at")
    return {name: started_at for name, started_at in jobs if started_at is not None}


def late(now: datetime) -> list[str]:
    """The jobs that are overdue, or whose last runs failed."""
    intervals = table()
    return [
        job.name
        for job in ScheduledJob.objects.filter(name__in=intervals).defer("failures")
        if job.failures_in_row or job.overdue(now, intervals[job.name]) is not None
    ]


def begun(task: str, run: str) -> None:
    """A run has begun. Never raises: how a job is doing must not be what stops it."""
    job, now = job_of(task), time.monotonic()
    if job is None:
        return
    wanted = job not in _written or now - _written[job] >= LEAST_PAUSE
    _began[run] = now, wanted
    if wanted:
        _written[job] = now
        _write(_BEGUN, name=job)


def ended(task: str, run: str, outcome: object) -> None:
    """A run has ended: `outcome` is what it counted, or the exception that it raised. Never raises."""
    job, now = job_of(task), time.monotonic()
    if job is None:
        return
    began, wanted = _began.pop(run, (now, True))
    if isinstance(outcome, BaseException):
        _written.pop(job, None)  # the next run is written down, however soon it is
        _write(_FAILED, name=job, seconds=now - began, error=_words(outcome))
    elif wanted:
        _write(_DONE, name=job, seconds=now - began, count=outcome if isinstance(outcome, int) else None)


def _words(error: BaseException) -> str:
    """Its type and first line: what follows may quote rows of people."""
    first = next(iter(str(error).splitlines()), "")
    return redact(f"{type(error).__name__}: {first}" if first else type(error).__name__)[:LONGEST_ERROR]


def _write(statement: str, **params: object) -> None:
    try:
        fetch(statement, params)
    except Error as error:
        logger.warning("The run of %r is not written down: %s", params["name"], type(error).__name__)
