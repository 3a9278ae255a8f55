"""The admin page of the scheduled jobs: whether they run, and what they did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from common.admin_readonly import ReadOnlyAdmin
from common.clock import database_now
from lockerportal.jobs import run_history
from lockerportal.models import ScheduledJob


def duration(span: timedelta) -> str:
    """Return a duration in words: its largest unit and the next one."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")) if n]
    return " ".join(parts[:2]) or "0 s"


@admin.register(ScheduledJob)
class ScheduledJobAdmin(ReadOnlyAdmin):
    """Every job of the beat table with its last run; red if it fails or does not run."""

    list_display = ("name", "state", "interval", "started_at", "took", "count", "last_work", "last_error")
    readonly_fields = (
        "name",
        "state",
        "interval",
        "known_since",
        "started_at",
        "finished_at",
        "took",
        "count",
        "last_work",
        "failed_at",
        "last_error",
        "last_failures",
    )
    fields = readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return a row for each job of the beat table, even if no migration ran since it changed."""
        run_history.sync_rows()
        return super().get_queryset(request)

    @admin.display(description="state")
    def state(self, job: ScheduledJob) -> SafeString:
        """Return the state in words, since color alone is not accessible."""
        now, interval = database_now(), run_history.intervals()[job.name]
        overdue_for = job.overdue(now, interval)
        if overdue_for is not None:
            when = "did not run" if job.started_at else "never ran"
            return _red(f"{when}: overdue for {duration(overdue_for)}")
        if job.failures_in_row:
            return _red(
                f"failed {job.failures_in_row} times in a row" if job.failures_in_row > 1 else "failed"
            )
        if job.running(now):
            return SafeString("running")
        return SafeString("ok" if job.finished_at else "has not run yet")

    @admin.display(description="runs every")
    def interval(self, job: ScheduledJob) -> str:
        """Return the interval from the beat table."""
        return duration(run_history.intervals()[job.name])

    @admin.display(description="took", ordering="seconds")
    def took(self, job: ScheduledJob) -> str:
        """Return how long the last finished run took."""
        return "-" if job.seconds is None else f"{job.seconds:.3g} s"

    @admin.display(description="last did work", ordering="worked_at")
    def last_work(self, job: ScheduledJob) -> str:
        """Return the last run that found something to do."""
        if job.worked_at is None:
            return "-"
        return f"{job.worked_count} at {timezone.localtime(job.worked_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description="last failures")
    def last_failures(self, job: ScheduledJob) -> SafeString:
        """Return the last failures, newest first."""
        failures = ((failure["at"], failure["error"]) for failure in job.failures)
        lines = format_html_join("", "<li>{}: {}</li>", failures)
        return format_html("<ul>{}</ul>", lines) if lines else SafeString("none")


def _red(text: str) -> SafeString:
    return format_html('<strong class="job-red">{}</strong>', text)
