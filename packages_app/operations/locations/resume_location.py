"""Resume a suspended location."""

from __future__ import annotations

from datetime import datetime

from lockers.models import Location, LocationQuerySet
from packages_app.core.actor import SYSTEM, Actor
from packages_app.core.operation import Operation
from packages_app.life import announcements
from packages_app.models import EventType
from packages_app.operations.locations.record_silence import record_silence
from packages_app.rules import hold_clock


@Operation
def resume_location(*, locations: LocationQuerySet, location_id: int, by: Actor, now: datetime) -> Location:
    """Accept packages again; packages there are extended by the lost time, and their recipients are told.

    If the location's kiosks are still silent, deadlines stay paused until one sends a heartbeat. A
    location that is not suspended stays as it is. Raises `UnknownLocation` for one outside `locations`.
    """
    location = locations.lock(location_id)
    if location.suspended_at is None:
        return location
    location.resume()
    announcements.announce_location(location, EventType.LOCATION_RESUMED, now=now)
    suspended = location.downtimes.open().first()
    if suspended is not None:
        suspended.end(by=by.name, now=now)
    if not record_silence.work(location_id=location.pk, by=SYSTEM, now=now):
        hold_clock.give_back(location, by=by.name, now=now)
    return location
