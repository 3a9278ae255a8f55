"""A suspended location takes packages again, and the lost time is given back."""

from __future__ import annotations

from datetime import datetime

from lockers.models import Location, LocationQuerySet
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life import webhook_rows
from packages_app.models import EventType
from packages_app.operations.locations.notice_silence import begin_silence, fallen_silent
from packages_app.sql import hold_clock


@Operation
def resume_location(*, locations: LocationQuerySet, location_id: int, by: Actor, now: datetime) -> Location:
    """Packages are taken again; every package that waits there gets the lost time, its recipient is told.

    Where the kiosks are still silent the clock goes on standing until they are back. A location that is not
    suspended is left as it is. Raises `UnknownLocation` for one outside `locations`.
    """
    location = locations.lock(location_id)
    if location.suspended_at is None:
        return location
    location.resume()
    webhook_rows.announce_location(location, EventType.LOCATION_RESUMED, now=now)
    suspended = location.downtimes.open().first()
    if suspended is not None:
        suspended.end(by=by.name, now=now)
    silent_since = fallen_silent(location, now=now)
    if silent_since is not None:
        begin_silence(location, since=silent_since)
    else:
        hold_clock.give_back(location, by=by.name, now=now)
    return location
