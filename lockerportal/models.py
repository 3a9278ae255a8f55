"""The state of the scheduled jobs, one row for each job in the beat table."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

# A job that has not started for so many of its intervals is late: beat or the workers do not run.
MISSED_INTERVALS = 3


class ScheduledJob(models.Model):
    """The last run of a job. There is one row for each job, not for each run.

    Written by `lockerportal/jobs/run_history.py`. The beat table says which jobs exist and how often they
    run.
    """

    name = models.CharField(max_length=60, primary_key=True)
    known_since = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True, help_text="How long the last finished run took")
    count = models.PositiveIntegerField(
        null=True, help_text="What it did, as the job counts; none if it failed"
    )
    worked_at = models.DateTimeField(null=True, help_text="The last run that found something to do")
    worked_count = models.PositiveIntegerField(null=True)
    failures_in_row = models.PositiveIntegerField(db_default=0)
    failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, db_default="", blank=True)
    failures = models.JSONField(db_default=[], help_text="The last ten, newest first")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def running(self, now: datetime) -> bool:
        """Return whether a run has started and not ended, and may still be alive."""
        if self.started_at is None or (self.finished_at is not None and self.finished_at >= self.started_at):
            return False
        return now - self.started_at < timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT)

    def overdue(self, now: datetime, interval: timedelta) -> timedelta | None:
        """Return for how long the job has been due; None unless it missed `MISSED_INTERVALS` intervals."""
        since_start = now - (self.started_at or self.known_since)
        if since_start <= MISSED_INTERVALS * interval or self.running(now):
            return None
        return since_start - interval
