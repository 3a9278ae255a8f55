"""Hourly snapshots of how full each location is, and their removal when they are old."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from common.sql import fetch
from lockers.models import UsageSnapshot
from lockers.sql import snapshots


def take_snapshots(*, now: datetime) -> int:
    """Store the counts of each location and size for the hour of `now`; return the number of new rows.

    It does nothing if the hour has been stored. It is one statement: two runs at once store each row once,
    and a run that is killed stores none.
    """
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if UsageSnapshot.objects.filter(hour=hour).exists():
        return 0
    return len(fetch(snapshots.TAKE, {"hour": hour}))


def by_size() -> list[Any]:
    """Return the current number of compartments by status for each location and size."""
    return fetch(snapshots.BY_SIZE, {})


def purge(*, now: datetime, batch: int = 5000) -> int:
    """Delete snapshots older than `USAGE_KEEP`, in batches; return how many."""
    deleted = 0
    old = UsageSnapshot.objects.filter(hour__lt=now - settings.USAGE_KEEP).order_by("hour")
    while ids := list(old.values_list("pk", flat=True)[:batch]):
        deleted += UsageSnapshot.objects.filter(pk__in=ids).delete()[0]
    return deleted
