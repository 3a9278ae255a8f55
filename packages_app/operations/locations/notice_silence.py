"""The kiosks of a location have fallen silent: nobody can collect there."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, QuerySet

from lockers.models import Downtime, Location
from packages_app.core.actor import SYSTEM
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Status
from packages_app.messaging.locations import tell_of_downtime
from packages_app.models import Package
from packages_app.rules import hold_clock

NO_SIGN_OF_LIFE = "no sign of life from its kiosks"


def notice_silence(*, now: datetime) -> int:
    """A downtime begins where the last sign of life is older than `LOCATION_SILENT_AFTER`; returns how many.

    It begins at that last sign. Managers are told once. Only locations that have ever sent a heartbeat and
    are not suspended; one of several kiosks that still speaks is enough. What an expiry that ran at the same
    moment took away at a location that is down is given back. Each location is a transaction of its own
    under its lock, so two runs at once, or one that is killed, do nothing twice.
    """
    begun = sum(_notice(location_id=pk, now=now) for pk in list(_silent(now).values_list("pk", flat=True)))
    for location_id in list(_late_expiries().values_list("location_id", flat=True)):
        _undo_late_expiry(location_id=location_id)
    return begun


def fallen_silent(location: Location, *, now: datetime) -> datetime | None:
    """Since when, if the location is silent for too long at `now`: its last sign of life, or the end of its
    last downtime. The caller holds the location's lock.
    """
    seen = location.kiosks.aggregate(at=Max("last_seen_at"))["at"]
    if seen is None or location.sandbox or seen >= now - settings.LOCATION_SILENT_AFTER:
        return None
    ended = location.downtimes.aggregate(at=Max("ended_at"))["at"]
    return max(seen, ended) if ended else seen  # type: ignore[no-any-return]


def begin_silence(location: Location, *, since: datetime) -> Downtime:
    """The downtime begins, and the managers are told. The caller holds the location's lock."""
    downtime = hold_clock.begin(
        location, cause=Downtime.Cause.SILENT, began_at=since, reason=NO_SIGN_OF_LIFE, by=SYSTEM.name
    )
    tell_of_downtime(downtime, "location_silent")
    return downtime


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


@Operation
def _notice(*, location_id: int, now: datetime) -> bool:
    location = Location.objects.lock(location_id)
    since = fallen_silent(location, now=now)
    if since is None or location.suspended_at is not None or location.downtimes.open().exists():
        return False  # it spoke, was suspended or was noticed by another run since we looked
    begin_silence(location, since=since)
    return True


@Operation
def _undo_late_expiry(*, location_id: int) -> None:
    location = Location.objects.lock(location_id)
    downtime = location.downtimes.open().first()
    if downtime is not None:
        hold_clock.stop(downtime, expired_only=True)
