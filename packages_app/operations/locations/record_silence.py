"""Record that a location is down because its kiosks are silent."""

from __future__ import annotations

from datetime import datetime

from lockers.models import Downtime, Location
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.messaging.locations import tell_of_downtime
from packages_app.rules import hold_clock
from packages_app.rules.silence import NO_SIGN_OF_LIFE, silent_since


@Operation
def record_silence(*, location_id: int, by: Actor, now: datetime) -> bool:
    """Begin a downtime at the location's last heartbeat and tell its managers; return whether it began.

    It does not where the location is not silent (anymore), is suspended, or is down already.
    """
    location = Location.objects.lock(location_id)
    since = silent_since(location, now=now)
    if since is None or location.suspended_at is not None or location.downtimes.open().exists():
        return False
    downtime = hold_clock.begin(
        location, cause=Downtime.Cause.SILENT, began_at=since, reason=NO_SIGN_OF_LIFE, by=by.name
    )
    tell_of_downtime(downtime, "location_silent")
    return True
