"""Suspend a location."""

from __future__ import annotations

from datetime import datetime

from lockers.models import Downtime, Location, LocationQuerySet
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life import announcements
from packages_app.models import EventType
from packages_app.rules import hold_clock


@Operation
def suspend_location(
    *, locations: LocationQuerySet, location_id: int, by: Actor, now: datetime, reason: str
) -> Location:
    """Accept no new packages, pause deadlines, and tell couriers and the recipients of packages there.

    Packages there can still be picked up. A location that is suspended already gets the new reason and
    nothing else. Raises `UnknownLocation` for one outside `locations`.
    """
    location = locations.lock(location_id)
    was_open = location.suspended_at is None
    location.suspend(reason=reason, now=now)
    if was_open:
        silent = location.downtimes.open().first()
        if silent is not None:
            now = max(now, silent.began_at)
            silent.end(by=by.name, now=now)
        hold_clock.begin(
            location,
            cause=Downtime.Cause.SUSPENDED,
            began_at=now,
            reason=location.suspended_reason,
            by=by.name,
        )
        announcements.announce_location(location, EventType.LOCATION_SUSPENDED, now=now)
    return location
