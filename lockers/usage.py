"""Hourly snapshots of how full each location is, and their removal when they are old."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from common.sql import fetch
from lockers.models import UsageSnapshot

# The same rules as `Compartment.status`, as in `availability.py`.
_STATES = """
       count(*) AS total,
       count(*) FILTER (WHERE occupancy = 'empty' AND out_of_service_at IS NULL) AS available,
       count(*) FILTER (WHERE occupancy = 'occupied' AND out_of_service_at IS NULL) AS occupied,
       count(*) FILTER (WHERE occupancy = 'reserved' AND out_of_service_at IS NULL) AS reserved,
       count(*) FILTER (WHERE out_of_service_at IS NOT NULL) AS out_of_service,
       count(*) FILTER (WHERE occupancy IN ('unverified', 'doubtful') AND out_of_service_at IS NULL)
           AS unverified
"""
_NETWORK = "location_id IN (SELECT id FROM lockers_location WHERE NOT sandbox)"
_TAKE = f"""
INSERT INTO lockers_usagesnapshot
    (location_id, size, hour, total, available, occupied, reserved, out_of_service, unverified)
SELECT location_id, size, %(hour)s, {_STATES}
FROM lockers_compartment WHERE {_NETWORK} GROUP BY location_id, size
ON CONFLICT (location_id, size, hour) DO NOTHING
RETURNING 1
"""  # noqa: S608 - every part is a constant
_BY_SIZE = f"SELECT location_id, size, {_STATES} FROM lockers_compartment GROUP BY location_id, size"  # noqa: S608


def take_snapshots(*, now: datetime) -> int:
    """Store the counts of each location and size for the hour of `now`; return the number of new rows.

    It does nothing if the hour has been stored. It is one statement: two runs at once store each row once,
    and a run that is killed stores none.
    """
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if UsageSnapshot.objects.filter(hour=hour).exists():
        return 0
    return len(fetch(_TAKE, {"hour": hour}))


def by_size() -> list[Any]:
    """Return the current number of compartments by status for each location and size."""
    return fetch(_BY_SIZE, {})


def purge(*, now: datetime, batch: int = 5000) -> int:
    """Delete snapshots older than `USAGE_KEEP`, in batches; return how many."""
    deleted = 0
    old = UsageSnapshot.objects.filter(hour__lt=now - settings.USAGE_KEEP).order_by("hour")
    while ids := list(old.values_list("pk", flat=True)[:batch]):
        deleted += UsageSnapshot.objects.filter(pk__in=ids).delete()[0]
    return deleted
