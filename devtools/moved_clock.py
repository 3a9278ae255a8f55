"""Run a command with the clock of all its processes moved to another day.

    python -m devtools.moved_clock MOMENT -- COMMAND ...

MOMENT is a name in `MOMENTS`; `all` for each of them in turn; or `today` for one of them, chosen by the date.
libfaketime adds an offset to the clock, so time goes on from that moment, and tests, PostgreSQL, Valkey, web
servers and workers agree on it. Monotonic clocks stay as they are. The command gets no `DATABASE_URL` and no
`REDIS_URL`, because the clock of servers that run already cannot be moved.

`make test-clock` leaves out the tests marked `browser`, because Chromium's processes do not share the moved
clock, and those marked `chaos`, which measure how long servers take to recover: the same on every day.
"""

from __future__ import annotations

import argparse
import calendar
import math
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

MISSING = (
    "The clock can only be moved with libfaketime, which is not installed (Debian: apt install libfaketime)."
)
# What a process needs in its environment to share the moved clock.
VARIABLES = ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT", "PYTHONPATH")
LIBRARIES = Path("/usr/lib")
SITE = Path(__file__).parent / "moved_clock_site"
# Servers that run already have another clock.
RUNNING_SERVERS = ("DATABASE_URL", "REDIS_URL")
# A run begins this long before clocks change, so that the change falls into it.
BEFORE_CHANGE = timedelta(minutes=2)

Moment = Callable[[datetime], datetime]


def later(days: int) -> Moment:
    """Return a function that finds the moment `days` days after the one it is given."""
    return lambda now: now + timedelta(days=days)


def leap_day(now: datetime) -> datetime:
    """Return noon UTC of the next February 29."""
    years = (year for year in range(now.year, now.year + 9) if calendar.isleap(year))
    days = (datetime(year, 2, 29, 12, tzinfo=UTC) for year in years)
    return next(day for day in days if day > now)


def clock_change(zone: str, *, forward: bool) -> Moment:
    """Return a function that finds the moment shortly before the next clock change in `zone`.

    `forward` chooses the change to summer time, otherwise the one back from it.
    """

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()

    def find(now: datetime) -> datetime:
        hour = now.replace(minute=0, second=0, microsecond=0)
        for _ in range(24 * 400):
            following = hour + timedelta(hours=1)
            change = offset(following) - offset(hour)
            if change and (change > timedelta()) == forward and following - BEFORE_CHANGE > now:
                return following - BEFORE_CHANGE
            hour = following
        raise ValueError(f"Clocks in {zone} do not change.")

    return find


def year_end(now: datetime) -> datetime:
    """Return the beginning of the last minute of this year in UTC."""
    return datetime(now.year, 12, 31, 23, 59, tzinfo=UTC)


def month_end(now: datetime) -> datetime:
    """Return noon UTC of the last day of the next month that has 30 days."""
    month = now.replace(day=1)
    while True:
        month = (month + timedelta(days=31)).replace(day=1)
        if calendar.monthrange(month.year, month.month)[1] == 30:
            return datetime(month.year, month.month, 30, 12, tzinfo=UTC)


MOMENTS: dict[str, Moment] = {
    "three-months": later(91),
    "two-years": later(730),
    "leap-day": leap_day,
    "tallinn-spring": clock_change("Europe/Tallinn", forward=True),
    "tallinn-autumn": clock_change("Europe/Tallinn", forward=False),
    "new-york-spring": clock_change("America/New_York", forward=True),
    "new-york-autumn": clock_change("America/New_York", forward=False),
    "year-end": year_end,
    "month-end": month_end,
}


def chosen(name: str, now: datetime) -> list[str]:
    """Return the names of the moments that `name` stands for."""
    if name == "all":
        return list(MOMENTS)
    names = list(MOMENTS)
    return [names[now.timetuple().tm_yday % len(names)]] if name == "today" else [name]


def environment(moment: datetime, now: datetime, library: str) -> dict[str, str]:
    """Return the variables that move a process's clock from `now` to `moment`.

    A clock that is moved already is moved on from there.
    """
    seconds = math.ceil((moment - now).total_seconds()) + int(os.environ.get("FAKETIME", "0"))
    return dict(zip(VARIABLES, (library, f"{seconds:+d}", "1", "1", str(SITE)), strict=True))


def inherited() -> dict[str, str]:
    """Return this process's variables that a child with a clean environment needs to share its clock.

    None where the clock is not moved: a child's environment then stays clean.
    """
    if "FAKETIME" not in os.environ:
        return {}
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def main(argv: list[str]) -> None:
    """Run the command at each chosen moment. Exits with a sentence if it fails at any of them."""
    parser = argparse.ArgumentParser(prog="devtools.moved_clock")
    parser.add_argument("moment", choices=["all", "today", *MOMENTS])
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --")
    options = parser.parse_args(argv)
    command = options.command[options.command[:1] == ["--"] :]
    library = next(iter(LIBRARIES.glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        sys.exit(MISSING)
    failed = []
    for name in chosen(options.moment, datetime.now(UTC)):
        now = datetime.now(UTC)
        moment = MOMENTS[name](now)
        print(f"\n{name}: the clock starts at {moment:%Y-%m-%d %H:%M} UTC", flush=True)  # noqa: T201
        kept = {name: value for name, value in os.environ.items() if name not in RUNNING_SERVERS}
        moved = {**kept, **environment(moment, now, str(library))}
        if subprocess.run(command, env=moved, check=False).returncode:  # noqa: S603 - the caller's command
            failed.append(name)
    if failed:
        sys.exit(f"Failed with the clock at {', '.join(failed)}.")


if __name__ == "__main__":
    main(sys.argv[1:])
