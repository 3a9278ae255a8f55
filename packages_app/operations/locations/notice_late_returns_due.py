"""Notice packages that should have been taken out days ago."""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings

from common.operation import Step, Sweep
from lockers.models import Location
from packages_app.messaging.locations import tell_managers
from packages_app.models import Package


@Sweep
def notice_late_returns_due(*, now: datetime) -> int:
    """Tell managers of packages that are overdue for return; return at how many locations.

    Once a day, from the location's `morning_hour` on. The dedup key of a message has the day, so that two
    runs at once, or a killed one, tell nobody twice.
    """
    overdue = Package.objects.overdue_for_return(since=now - settings.OVERDUE_RETURN_AFTER)
    location_ids = overdue.order_by().values("location_id").distinct()
    told = 0
    for location in Location.objects.filter(pk__in=location_ids, sandbox=False).order_by("pk"):
        local = now.astimezone(location.zone)
        if local.hour >= location.morning_hour:
            told += _tell(location_id=location.pk, day=local.date())
    return told


@Step
def _tell(*, location_id: int, day: date) -> bool:
    return tell_managers(
        location_id,
        kind="packages_overdue_for_return",
        subject=f"location:{location_id}",
        dedup_prefix=f"overdue:{location_id}:{day}",
    )
