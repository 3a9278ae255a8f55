"""Quiet hours on a wall clock, past midnight and across changes to and from summer time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.quiet_hours import QuietHours

RIGA = ZoneInfo("Europe/Riga")


def local(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=RIGA, fold=fold)


NIGHT = QuietHours(time(21), time(8), RIGA)
NOON = QuietHours(time(12), time(14, 30), RIGA)


@pytest.mark.parametrize(
    ("quiet", "moment", "over"),
    [
        (NIGHT, "2026-11-20T20:59:59", None),
        (NIGHT, "2026-11-20T21:00", "2026-11-21T08:00"),
        (NIGHT, "2026-11-20T23:59:59", "2026-11-21T08:00"),
        (NIGHT, "2026-11-21T00:00", "2026-11-21T08:00"),
        (NIGHT, "2026-11-21T07:59:59", "2026-11-21T08:00"),
        (NIGHT, "2026-11-21T08:00", None),
        (NIGHT, "2026-11-20T12:00", None),
        (NIGHT, "2026-12-31T22:00", "2027-01-01T08:00"),
        (NOON, "2026-11-20T11:59", None),
        (NOON, "2026-11-20T12:00", "2026-11-20T14:30"),
        (NOON, "2026-11-20T14:29", "2026-11-20T14:30"),
        (NOON, "2026-11-20T14:30", None),
        # The clock goes forward at 3 and back at 4: the end is eight o'clock all the same.
        (NIGHT, "2026-03-28T22:00", "2026-03-29T08:00"),
        (NIGHT, "2026-10-24T22:00", "2026-10-25T08:00"),
    ],
)
def test_over_at(quiet: QuietHours, moment: str, over: str | None) -> None:
    assert quiet.over_at(local(moment)) == (local(over) if over else None)


def test_an_end_that_the_clock_skips_is_the_moment_after_the_gap() -> None:
    quiet = QuietHours(time(22), time(3, 30), RIGA)  # on 29 March 2026 three o'clock is followed by four
    assert quiet.over_at(local("2026-03-29T01:00")) == local("2026-03-29T04:30")


def test_an_end_that_comes_twice_is_never_in_the_past() -> None:
    quiet = QuietHours(time(22), time(3, 30), RIGA)  # on 25 October 2026 the hour after three comes twice
    second = local("2026-10-25T03:10", fold=1)
    assert quiet.over_at(second) == local("2026-10-25T03:30", fold=1).astimezone(UTC)


@given(
    starts=st.times(),
    ends=st.times(),
    moment=st.integers(0, 366 * 86_400).map(
        lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
    ),
)
def test_the_end_lies_ahead_and_is_outside(starts: time, ends: time, moment: datetime) -> None:
    if starts == ends:
        return
    quiet = QuietHours(starts, ends, RIGA)
    over = quiet.over_at(moment)
    if over is not None:
        assert moment < over <= moment + timedelta(hours=25)
