"""A week's figures of each location, counted once when the week is over there."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from common.sql import fetch
from lockers.models import Location
from packages_app.life.lifecycle import Event
from packages_app.models import WeekAtLocation

# Few locations in one statement: it reads their packages of the last months, and must end in time.
BATCH = 20
# What was brought longer ago has left its door: no hold lasts so long with its extensions.
LONGEST_STAY = timedelta(days=120)

_COUNT = f"""
INSERT INTO packages_app_weekatlocation
    (location_id, week, deposits, pickups, half_within, expired, returned, average_use, peak_use, faults,
     downtimes, down_for, dead_messages)
WITH dead AS MATERIALIZED (
    SELECT CASE WHEN subject LIKE 'package:%%' THEN substring(subject FROM 9)::uuid END AS package_id
    FROM notifications_notification
    WHERE status IN ('dead', 'bounced') AND created_at >= %(begins)s AND created_at < %(ends)s
)
SELECT place.id, %(week)s, custody.deposits, greatest(custody.pickups, 0), custody.half_within,
       custody.expired, custody.returned, usage.average, usage.peak, faults.count, down.count,
       coalesce(down.time, interval '0'),
       (SELECT count(*) FROM dead JOIN packages_app_package package ON package.id = dead.package_id
        WHERE package.location_id = place.id)
FROM lockers_location place
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE line.event IN ('{Event.DEPOSITED}', '{Event.FOUND}')) AS deposits,
           count(*) FILTER (WHERE line.event = '{Event.RETRIEVED}')
               - count(*) FILTER (WHERE line.event = '{Event.DOOR_FAILED}') AS pickups,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY package.retrieved_at - package.stored_at)
               FILTER (WHERE line.event = '{Event.RETRIEVED}' AND package.retrieved_at IS NOT NULL)
               AS half_within,
           count(*) FILTER (WHERE line.event = '{Event.EXPIRED}') AS expired,
           count(*) FILTER (WHERE line.event IN ('{Event.RETURNED}', '{Event.FOUND_TAKEN_OUT}')) AS returned
    FROM packages_app_package package
    JOIN packages_app_packageevent line ON line.package_id = package.id
    WHERE package.location_id = place.id
      AND package.created_at >= %(brought_from)s AND package.created_at < %(ends)s
      AND line.at >= %(begins)s AND line.at < %(ends)s
) custody
CROSS JOIN LATERAL (
    SELECT avg(share) AS average, max(share) AS peak FROM (
        SELECT sum(occupied + reserved)::float / nullif(sum(total), 0) AS share
        FROM lockers_usagesnapshot
        WHERE location_id = place.id AND hour >= %(begins)s AND hour < %(ends)s GROUP BY hour
    ) hours
) usage
CROSS JOIN LATERAL (
    SELECT count(*) FROM lockers_compartment door
    JOIN lockers_compartmentevent line ON line.compartment_id = door.id
    WHERE door.location_id = place.id AND line.kind = 'taken_out'
      AND line.at >= %(begins)s AND line.at < %(ends)s
) faults
CROSS JOIN LATERAL (
    SELECT count(*),
           sum(least(coalesce(ended_at, %(ends)s), %(ends)s) - greatest(began_at, %(begins)s)) AS time
    FROM lockers_downtime
    WHERE location_id = place.id AND began_at < %(ends)s AND coalesce(ended_at, %(ends)s) > %(begins)s
) down
WHERE place.id = ANY(%(location_ids)s)
ON CONFLICT (location_id, week) DO NOTHING
RETURNING 1
"""  # noqa: S608 - every part is a constant


def last_week(now: datetime, zone: ZoneInfo) -> date:
    """The Monday of the last week that is over on the wall clock of `zone`."""
    today = now.astimezone(zone).date()
    return today - timedelta(days=today.weekday() + 7)


def bounds(week: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a week begins and ends there; it has 167 or 169 hours where the clocks change."""
    monday, next_monday = (
        datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) for day in (week, week + timedelta(days=7))
    )
    return monday, next_monday


def count_weeks(*, now: datetime, batch: int = BATCH) -> int:
    """The figures of the last week for every location that has none yet; returns how many.

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
            counted += len(fetch(_COUNT, params))
    return counted
