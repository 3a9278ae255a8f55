"""Packages that somebody should have taken out days ago."""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings

from lockers.models import Location
from packages_app.core.operation import Operation
from packages_app.messaging.locations import tell_managers
from packages_app.models import Package


def notice_overdue(*, now: datetime) -> int:
    """Managers hear of them once a day, from their location's `morning_hour` on; returns at how many places.

    The messages have a key with the day: two runs at once, or one that is killed, tell nobody twice.
    """
    overdue = Package.objects.overdue_for_return(since=now - settings.OVERDUE_RETURN_AFTER)
    places = overdue.order_by().values("location_id").distinct()
    told = 0
    for location in Location.objects.filter(pk__in=places, sandbox=False).order_by("pk"):
        local = now.astimezone(location.zone)
        if local.hour >= location.morning_hour:
            told += _tell(location_id=location.pk, day=local.date())
    return told


@Operation
def _tell(*, location_id: int, day: date) -> bool:
    return tell_managers(
        location_id,
        kind="packages_overdue_for_return",
        subject=f"location:{location_id}",
        dedup_prefix=f"overdue:{location_id}:{day}",
    )
