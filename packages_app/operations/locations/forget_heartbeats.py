"""A kiosk is not expected to speak any more."""

from __future__ import annotations

from datetime import datetime

from lockers.models import Downtime, Kiosk, Location
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.operations.locations.notice_silence import fallen_silent
from packages_app.rules import hold_clock


@Operation
def forget_heartbeats(*, kiosk_id: int, by: Actor, now: datetime) -> None:
    """Its silence means nothing until it sends a heartbeat again: it was dismounted, or cannot send any.

    A location that was down for the silence of such kiosks only is back, and its packages get the lost time.
    A kiosk that does not exist is ignored.
    """
    kiosk = Kiosk.objects.filter(pk=kiosk_id).first()
    if kiosk is None:
        return
    location = Location.objects.lock(kiosk.location_id)
    Kiosk.objects.filter(pk=kiosk_id).update(last_seen_at=None)
    downtime = location.downtimes.open().filter(cause=Downtime.Cause.SILENT).first()
    if downtime is not None and fallen_silent(location, now=now) is None:
        downtime.end(by=by.name, now=now)
        hold_clock.give_back(location, by=by.name, now=now)
