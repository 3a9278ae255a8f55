"""A week's figures of each location, counted once when the week is over there."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from common.sql import fetch
from lockers.models import Location
from packages_app.models import WeekAtLocation
from packages_app.sql import weekly_figures as statements

# Few locations in one statement: it reads their packages of the last months, and must end in time.
BATCH = 20
# What was dropped off longer ago has left its compartment: no hold lasts so long, with its extensions.
LONGEST_STAY = timedelta(days=120)


def last_week(now: datetime, zone: ZoneInfo) -> date:
    """Return the Monday of the last week that is over in `zone`."""
    today = now.astimezone(zone).date()
    return today - timedelta(days=today.weekday() + 7)


def bounds(week: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when a week begins and ends there; it has 167 or 169 hours when the clocks change."""
    monday, next_monday = (
        datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) for day in (week, week + timedelta(days=7))
    )
    return monday, next_monday


def count_weeks(*, now: datetime, batch: int = BATCH) -> int:
    """Count the figures of the last week for every location that has none yet; return how many.

    In batches, each one statement: two at once make one row of each, a killed one is continued by the next.
    """
    counted = 0
    for name in sorted(set(Location.objects.order_by().values_list("time_zone", flat=True))):
        zone = ZoneInfo(name)
        week = last_week(now, zone)
        begins, ends = bounds(week, zone)
        done = WeekAtLocation.objects.filter(week=week).values("location_id")
        due = Location.objects.filter(time_zone=name, sandbox=False).exclude(pk__in=done).order_by("pk")
        ids = list(due.values_list("pk", flat=True))
        for first in range(0, len(ids), batch):
            params = {
                "location_ids": ids[first : first + batch],
                "week": week,
                "begins": begins,
                "ends": ends,
                "brought_from": begins - LONGEST_STAY,
            }
            counted += len(fetch(statements.COUNT, params))
    return counted
