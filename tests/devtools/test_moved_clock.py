"""The moments that the suite runs at, and one clock for all processes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from common.clock import database_now
from devtools import moved_clock
from devtools.moved_clock import MOMENTS

DAYS = [datetime(2026, 12, 1, 3, tzinfo=UTC) + timedelta(days=days) for days in range(0, 1500, 13)]
needs_library = pytest.mark.skipif(
    not list(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), reason="libfaketime is not installed"
)


@pytest.mark.parametrize("name", MOMENTS)
def test_every_moment_is_to_come(name: str) -> None:
    assert all(day < MOMENTS[name](day) < day + timedelta(days=366 * 9) for day in DAYS)


def test_the_moments_are_what_they_are_named_for() -> None:
    for day in DAYS:
        leap = MOMENTS["leap-day"](day)
        assert (leap.month, leap.day) == (2, 29)
        assert MOMENTS["year-end"](day) + timedelta(minutes=1) == datetime(day.year + 1, 1, 1, tzinfo=UTC)
        last = MOMENTS["month-end"](day)
        assert (last.day, (last + timedelta(days=1)).day) == (30, 1)


@pytest.mark.parametrize(
    ("name", "zone", "hours"),
    [
        ("tallinn-spring", "Europe/Tallinn", 1),
        ("tallinn-autumn", "Europe/Tallinn", -1),
        ("new-york-spring", "America/New_York", 1),
        ("new-york-autumn", "America/New_York", -1),
    ],
)
def test_clocks_change_minutes_after_the_moment(name: str, zone: str, hours: int) -> None:
    for day in DAYS:
        before = MOMENTS[name](day)
        offsets = [
            (before + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone)).utcoffset() for minutes in (0, 2)
        ]
        assert offsets[0] is not None
        assert offsets[1] == offsets[0] + timedelta(hours=hours)


def test_each_moment_has_its_turn() -> None:
    week = [datetime(2027, 1, day, tzinfo=UTC) for day in range(1, len(MOMENTS) + 1)]
    assert {name for day in week for name in moved_clock.chosen("today", day)} == set(MOMENTS)
    assert moved_clock.chosen("all", week[0]) == list(MOMENTS)
    assert moved_clock.chosen("leap-day", week[0]) == ["leap-day"]


@needs_library
def test_a_command_and_its_children_have_the_clock(capfd: pytest.CaptureFixture[str]) -> None:
    child = "import datetime; print(datetime.datetime.now(datetime.UTC).strftime('%m-%d %H:%M'))"
    command = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    moved_clock.main(["leap-day", "--", sys.executable, "-c", command])
    assert "02-29 12:00" in capfd.readouterr().out


@needs_library
def test_a_command_uses_no_server_with_another_clock(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://127.0.0.1/other")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1/0")
    command = "import os; print(sorted(os.environ.keys() & {'DATABASE_URL', 'REDIS_URL', 'FAKETIME'}))"
    moved_clock.main(["year-end", "--", sys.executable, "-c", command])
    assert "['FAKETIME']" in capfd.readouterr().out


def test_a_clock_that_is_moved_is_moved_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    monkeypatch.setenv("FAKETIME", "+1000")
    assert moved_clock.environment(now + timedelta(seconds=60), now, "library")["FAKETIME"] == "+1060"
    monkeypatch.delenv("FAKETIME")
    assert moved_clock.environment(now + timedelta(seconds=60), now, "library")["FAKETIME"] == "+60"


def test_a_child_with_a_clean_environment_shares_a_moved_clock_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.delenv("FAKETIME", raising=False)
    assert moved_clock.inherited() == {}
    monkeypatch.setenv("FAKETIME", "+60")
    assert moved_clock.inherited().items() >= {("FAKETIME", "+60"), ("PYTHONPATH", "/elsewhere")}


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(moved_clock, "LIBRARIES", tmp_path)
    with pytest.raises(SystemExit, match="libfaketime, which is not installed"):
        moved_clock.main(["leap-day", "--", "true"])


@needs_library
def test_a_failure_names_its_moment() -> None:
    with pytest.raises(SystemExit, match=r"year-end\.$"):
        moved_clock.main(["year-end", "--", sys.executable, "-c", "raise SystemExit(3)"])


def test_an_unknown_moment_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devtools.moved_clock", "yesterday", "--", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "invalid choice: 'yesterday'" in done.stderr


@pytest.mark.django_db
def test_the_database_has_the_clock_of_the_tests() -> None:
    """It is started with an environment of its own: under a moved clock it must be moved as well."""
    assert abs(database_now() - timezone.now()) < timedelta(seconds=5)
