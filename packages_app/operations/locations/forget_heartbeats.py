"""Expect no more heartbeats from a kiosk."""

from __future__ import annotations

from datetime import datetime

from lockers.models import Downtime, Kiosk, Location
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.rules import hold_clock
from packages_app.rules.silence import silent_since


@Operation
def forget_heartbeats(*, kiosk_id: int, by: Actor, now: datetime) -> None:
    """Ignore the silence of a kiosk that was dismounted or cannot send heartbeats, until it sends one again.

    If the location was down only because of such kiosks, the downtime ends, and its packages are extended by
    the lost time. A kiosk that does not exist is ignored.
    """
    kiosk = Kiosk.objects.filter(pk=kiosk_id).first()
    if kiosk is None:
        return
    location = Location.objects.lock(kiosk.location_id)
    Kiosk.objects.filter(pk=kiosk_id).update(last_seen_at=None)
    downtime = location.downtimes.open().filter(cause=Downtime.Cause.SILENT).first()
    if downtime is not None and silent_since(location, now=now) is None:
        downtime.end(by=by.name, now=now)
        hold_clock.give_back(location, by=by.name, now=now)
