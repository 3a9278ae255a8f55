"""Notice locations whose kiosks have fallen silent: nobody can pick up there."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, QuerySet

from common.operation import Step, Sweep
from lockers.models import Downtime, Location
from packages_app.core.actor import SYSTEM
from packages_app.life.lifecycle import Status
from packages_app.models import Package
from packages_app.operations.locations.record_silence import record_silence
from packages_app.rules import hold_clock


@Sweep
def notice_silence_due(*, now: datetime) -> int:
    """Begin a downtime where the last heartbeat is older than `LOCATION_SILENT_AFTER`; return how many.

    Only at locations that have ever sent a heartbeat and are not suspended; one kiosk that still sends
    heartbeats is enough. A package that expired at the same moment, at a location that was down already, is
    STORED again. Each location is a transaction under its lock.
    """
    silent = list(_silent(now).values_list("pk", flat=True))
    begun = sum(record_silence(location_id=pk, by=SYSTEM, now=now) for pk in silent)
    for location_id in list(_late_expiries().values_list("location_id", flat=True)):
        _undo_late_expiry(location_id=location_id)
    return begun


def _silent(now: datetime) -> QuerySet[Location]:
    return (
        Location.objects.filter(suspended_at__isnull=True, sandbox=False)
        .exclude(pk__in=Downtime.objects.open().values("location"))
        .annotate(seen=Max("kiosks__last_seen_at"))
        .filter(seen__lt=now - settings.LOCATION_SILENT_AFTER)
        .order_by("pk")
    )


def _late_expiries() -> QuerySet[Downtime]:
    expired = Package.objects.in_door().filter(
        location=OuterRef("location"), status=Status.EXPIRED, expires_at__gt=OuterRef("began_at")
    )
    return Downtime.objects.open().filter(Exists(expired))


@Step
def _undo_late_expiry(*, location_id: int) -> None:
    location = Location.objects.lock(location_id)
    downtime = location.downtimes.open().first()
    if downtime is not None:
        hold_clock.stop(downtime, expired_only=True)
