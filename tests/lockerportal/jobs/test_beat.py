"""Beat goes on where it was, however often it is started."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from celery.beat import Scheduler
from celery.utils.imports import symbol_by_name
from django.db import OperationalError, connection

from lockerportal.jobs import runs
from lockerportal.models import ScheduledJob

pytestmark = pytest.mark.django_db

HOURLY, FREQUENT = "erase recipients", "expire packages"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is the test's own, in a transaction: it stays open."""
    monkeypatch.setattr(connection, "close", lambda: None)
    runs.make_rows()


def start() -> Scheduler:
    """What `celery beat` makes when it starts."""
    scheduler = symbol_by_name(current_app.conf.beat_scheduler)(app=current_app)
    assert isinstance(scheduler, Scheduler)
    return scheduler


def due(scheduler: Scheduler) -> set[str]:
    return {name for name, entry in scheduler.schedule.items() if entry.is_due().is_due}


def ran(name: str, ago: timedelta) -> None:
    ScheduledJob.objects.filter(name=name).update(started_at=datetime.now(UTC) - ago)


def test_what_is_overdue_is_due_at_the_start_and_nothing_else_is() -> None:
    for name in runs.table():
        ran(name, timedelta(seconds=1))
    assert due(start()) == set()

    ran(HOURLY, 61 * MINUTE)
    ran(FREQUENT, MINUTE)
    assert due(start()) == {HOURLY, FREQUENT}


def test_a_beat_that_is_started_each_half_an_hour_misses_no_hourly_job() -> None:
    ran(HOURLY, 59 * MINUTE)
    scheduler = start()
    assert HOURLY not in due(scheduler)
    left = scheduler.schedule[HOURLY].is_due().next
    assert 0 < left <= 60, "it goes on counting from the last run, and not from its start"


def test_what_never_ran_is_due() -> None:
    assert due(start()) == set(runs.table())


@pytest.mark.parametrize("ahead", [MINUTE, timedelta(hours=5)])
def test_a_database_whose_clock_is_ahead_delays_nothing_beyond_an_interval(ahead: timedelta) -> None:
    ran(HOURLY, -ahead)
    assert start().schedule[HOURLY].is_due().next <= 60 * 60


def test_with_the_database_away_everything_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("no server")

    for name in runs.table():
        ran(name, timedelta(seconds=1))
    monkeypatch.setattr(runs, "last_begun", away)
    assert due(start()) == set(runs.table())


def test_it_goes_on_by_itself() -> None:
    """After a run an entry counts from that run."""
    scheduler = start()
    entry = scheduler.reserve(scheduler.schedule[HOURLY])
    assert not entry.is_due().is_due
    assert HOURLY not in due(scheduler)
