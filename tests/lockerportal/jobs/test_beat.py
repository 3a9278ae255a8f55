"""Beat continues where it was, however often it restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from celery.beat import Scheduler
from celery.utils.imports import symbol_by_name
from django.db import OperationalError, connection

from lockerportal.jobs import run_history
from lockerportal.models import ScheduledJob

pytestmark = pytest.mark.django_db

HOURLY, FREQUENT = "erase recipients", "expire packages"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the test's own connection open, since it is in a transaction."""
    monkeypatch.setattr(connection, "close", lambda: None)
    run_history.sync_rows()


def start() -> Scheduler:
    """Return the scheduler that `celery beat` creates when it starts."""
    scheduler = symbol_by_name(current_app.conf.beat_scheduler)(app=current_app)
    assert isinstance(scheduler, Scheduler)
    return scheduler


def due(scheduler: Scheduler) -> set[str]:
    return {name for name, entry in scheduler.schedule.items() if entry.is_due().is_due}


def ran(name: str, ago: timedelta) -> None:
    ScheduledJob.objects.filter(name=name).update(started_at=datetime.now(UTC) - ago)


def test_only_overdue_jobs_are_due_at_the_start() -> None:
    for name in run_history.intervals():
        ran(name, timedelta(seconds=1))
    assert due(start()) == set()

    ran(HOURLY, 61 * MINUTE)
    ran(FREQUENT, MINUTE)
    assert due(start()) == {HOURLY, FREQUENT}


def test_a_beat_that_restarts_every_half_hour_misses_no_hourly_job() -> None:
    ran(HOURLY, 59 * MINUTE)
    scheduler = start()
    assert HOURLY not in due(scheduler)
    left = scheduler.schedule[HOURLY].is_due().next
    assert 0 < left <= 60, "the interval starts at the last run, not at the start of beat"


def test_a_job_that_never_ran_is_due() -> None:
    assert due(start()) == set(run_history.intervals())


@pytest.mark.parametrize("ahead", [MINUTE, timedelta(hours=5)])
def test_a_database_clock_that_is_ahead_delays_a_job_by_at_most_an_interval(ahead: timedelta) -> None:
    ran(HOURLY, -ahead)
    assert start().schedule[HOURLY].is_due().next <= 60 * 60


def test_without_the_database_every_job_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("no server")

    for name in run_history.intervals():
        ran(name, timedelta(seconds=1))
    monkeypatch.setattr(run_history, "last_starts", fail)
    assert due(start()) == set(run_history.intervals())


def test_after_a_run_the_interval_starts_again() -> None:
    scheduler = start()
    entry = scheduler.reserve(scheduler.schedule[HOURLY])
    assert not entry.is_due().is_due
    assert HOURLY not in due(scheduler)
