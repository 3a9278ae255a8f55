"""Whole days in a location's time zone, across every kind of clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from common.clock import add_local_days, database_now


def local(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


@pytest.mark.parametrize(
    ("zone", "begin", "days", "end", "hours"),
    [
        # The clock goes forward: one of the days has 23 hours.
        ("Europe/Warsaw", "2026-03-27T18:30", 3, "2026-03-30T18:30", 71),
        ("Europe/Warsaw", "2026-03-28T12:00", 1, "2026-03-29T12:00", 23),
        # The clock goes back: 25 hours.
        ("Europe/Warsaw", "2026-10-24T12:00", 1, "2026-10-25T12:00", 25),
        ("America/New_York", "2026-03-07T09:00", 1, "2026-03-08T09:00", 23),
        ("America/New_York", "2026-10-31T09:00", 1, "2026-11-01T09:00", 25),
        # Half an hour of summer time, going forward in October.
        ("Australia/Lord_Howe", "2026-10-03T10:00", 1, "2026-10-04T10:00", 23.5),
        ("Australia/Lord_Howe", "2026-04-04T10:00", 1, "2026-04-05T10:00", 24.5),
        # Winter time during Ramadan: the clock goes back in February.
        ("Africa/Casablanca", "2026-02-14T12:00", 1, "2026-02-15T12:00", 25),
        ("Africa/Casablanca", "2026-03-21T12:00", 1, "2026-03-22T12:00", 23),
        ("Asia/Kathmandu", "2026-03-28T12:00", 3, "2026-03-31T12:00", 72),
        # The leap day, and its absence.
        ("Europe/Tallinn", "2028-02-28T12:00", 1, "2028-02-29T12:00", 24),
        ("Europe/Tallinn", "2027-02-28T12:00", 1, "2027-03-01T12:00", 24),
        ("Europe/Tallinn", "2028-02-29T12:00", 365, "2029-02-28T12:00", 24 * 365),
    ],
)
def test_same_time_of_day(zone: str, begin: str, days: int, end: str, hours: float) -> None:
    start = local(zone, begin).astimezone(UTC)
    finish = add_local_days(start, days, ZoneInfo(zone))
    assert finish == local(zone, end).astimezone(UTC)
    assert finish - start == timedelta(hours=hours)
    assert finish.utcoffset() == timedelta(0)


def test_time_that_does_not_exist_ends_late_rather_than_early() -> None:
    """02:30 does not exist in Warsaw on 29 March 2026: it becomes 03:30 summer time, not 01:30."""
    finish = add_local_days(local("Europe/Warsaw", "2026-03-28T02:30"), 1, ZoneInfo("Europe/Warsaw"))
    assert finish.astimezone(ZoneInfo("Europe/Warsaw")).replace(tzinfo=None) == datetime(2026, 3, 29, 3, 30)  # noqa: DTZ001


def test_time_that_comes_twice_ends_at_the_second() -> None:
    finish = add_local_days(local("Europe/Warsaw", "2026-10-24T02:30"), 1, ZoneInfo("Europe/Warsaw"))
    assert finish == local("Europe/Warsaw", "2026-10-25T02:30", fold=1).astimezone(UTC)


@settings(deadline=None)
@given(
    moment=st.integers(1_577_836_800, 2_082_758_400).map(lambda second: datetime.fromtimestamp(second, UTC)),
    days=st.integers(1, 60),
    zone=st.sampled_from(sorted(available_timezones() - {"localtime"})),
)
def test_never_early_and_hardly_late(moment: datetime, days: int, zone: str) -> None:
    """In every time zone, the result is not before the same local time, and less than a day after it."""
    finish = add_local_days(moment, days, ZoneInfo(zone))
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(days=days)
    shown = finish.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert timedelta(0) <= shown - wall <= timedelta(hours=24)
    assert abs(finish - (moment + timedelta(days=days))) <= timedelta(hours=24)


@pytest.mark.django_db
def test_database_clock_goes_on_inside_a_transaction() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT now()")
            begun = cursor.fetchone()[0]
        first, second = database_now(), database_now()
    assert begun < first < second
    assert first.tzinfo is not None
