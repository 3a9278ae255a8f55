"""Record how each run of a scheduled job went; called by the signals in `lockerportal/celery.py`.

A run costs two statements that do not wait for the disk. A job that is woken many times a second (delivery)
is recorded once a second by each process, and whenever it fails.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from celery import current_app
from django.db import Error

from common.sql import fetch
from lockerportal.jobs import sql
from lockerportal.logs import redact
from lockerportal.models import ScheduledJob

logger = logging.getLogger(__name__)

MIN_PAUSE = 1.0  # seconds between two runs of the same job that a process records
MAX_ERROR_LENGTH = 300

_started: dict[str, tuple[float, bool]] = {}  # by id of the run: when, and whether it is recorded
_recorded: dict[str, float] = {}  # by name of the job: when a run was last recorded


def intervals() -> dict[str, timedelta]:
    """Return the interval of every scheduled job in the beat table."""
    schedule = current_app.conf.beat_schedule
    return {name: timedelta(seconds=entry["schedule"]) for name, entry in schedule.items()}


def job_of(task: str) -> str | None:
    """Return the scheduled job that runs this task, or None."""
    schedule = current_app.conf.beat_schedule
    return next((name for name, entry in schedule.items() if entry["task"] == task), None)


def task_of(job: str) -> str:
    """Return the name of the task that a scheduled job runs. Raises `KeyError`."""
    task: str = current_app.conf.beat_schedule[job]["task"]
    return task


def sync_rows() -> None:
    """Create the missing rows of jobs in the beat table, and delete those of jobs that are gone from it."""
    rows = ScheduledJob.objects.all()
    rows.bulk_create((ScheduledJob(name=name) for name in intervals()), ignore_conflicts=True)
    rows.exclude(name__in=intervals()).delete()


def last_starts() -> dict[str, datetime]:
    """Return when each job last started; jobs that never did are left out."""
    jobs = ScheduledJob.objects.values_list("name", "started_at")
    return {name: started_at for name, started_at in jobs if started_at is not None}


def late_jobs(now: datetime) -> list[str]:
    """Return the jobs that are overdue or whose last run failed."""
    every = intervals()
    return [
        job.name
        for job in ScheduledJob.objects.filter(name__in=every).defer("failures")
        if job.failures_in_row or job.overdue(now, every[job.name]) is not None
    ]


def record_start(task: str, run: str) -> None:
    """Record that a run has started. Never raises, so that a job cannot fail because of its record."""
    job, now = job_of(task), time.monotonic()
    if job is None:
        return
    recorded = job not in _recorded or now - _recorded[job] >= MIN_PAUSE
    _started[run] = now, recorded
    if recorded:
        _recorded[job] = now
        _write(sql.STARTED, name=job)


def record_end(task: str, run: str, outcome: object) -> None:
    """Record that a run has ended, with its count or the exception that it raised. Never raises."""
    job, now = job_of(task), time.monotonic()
    if job is None:
        return
    started, recorded = _started.pop(run, (now, True))
    if isinstance(outcome, BaseException):
        _recorded.pop(job, None)  # the next run is recorded, however soon it is
        _write(sql.FAILED, name=job, seconds=now - started, error=_summary(outcome))
    elif recorded:
        _write(sql.DONE, name=job, seconds=now - started, count=outcome if isinstance(outcome, int) else None)


def _summary(error: BaseException) -> str:
    """Return the type and the first line of an error; further lines may quote personal data."""
    first = next(iter(str(error).splitlines()), "")
    return redact(f"{type(error).__name__}: {first}" if first else type(error).__name__)[:MAX_ERROR_LENGTH]


def _write(statement: str, **params: object) -> None:
    try:
        fetch(statement, params)
    except Error as error:
        logger.warning("The run of %r could not be recorded: %s", params["name"], type(error).__name__)
