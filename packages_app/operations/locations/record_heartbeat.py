"""Record a kiosk's heartbeat: its location is alive."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from common.sql import fetch
from lockers.models import Downtime, Kiosk, Location
from packages_app.core.actor import SYSTEM, Actor
from packages_app.core.operation import Operation
from packages_app.messaging.locations import tell_of_downtime
from packages_app.rules import hold_clock
from packages_app.rules.silence import NO_SIGN_OF_LIFE, silent_since
from packages_app.sql import heartbeats


@Operation
def record_heartbeat(*, by: Actor, now: datetime, software_version: str) -> None:
    """Record the heartbeat of the kiosk `by`. If its location was silent, that downtime ends.

    Its packages are then extended by the lost time, even if no job had noticed the silence.
    """
    assert by.location_id is not None
    life = fetch(heartbeats.LIFE, {"location_id": by.location_id})[0]
    unnoticed = life.last_seen_at is not None and life.last_seen_at < now - settings.LOCATION_SILENT_AFTER
    silent = life.down == Downtime.Cause.SILENT or (life.down is None and unnoticed)
    if silent and not life.sandbox:
        _end_silence(by=by, now=now, software_version=software_version)
    else:
        _note(by=by, now=now, software_version=software_version)


def _note(*, by: Actor, now: datetime, software_version: str) -> None:
    assert by.kiosk_id is not None
    Kiosk.objects.filter(pk=by.kiosk_id).update(last_seen_at=now, software_version=software_version)


def _end_silence(*, by: Actor, now: datetime, software_version: str) -> None:
    assert by.location_id is not None
    location = Location.objects.lock(by.location_id)
    downtime = location.downtimes.open().first()
    since = silent_since(location, now=now)
    _note(by=by, now=now, software_version=software_version)
    if downtime is None and since is not None and since < now - settings.LOCATION_SILENT_AFTER:
        # No job has noticed the silence: the portal itself was down, or its worker.
        downtime = Downtime.objects.create(
            location=location,
            cause=Downtime.Cause.SILENT,
            began_at=since,
            reason=NO_SIGN_OF_LIFE,
            begun_by=SYSTEM.name,
        )
    if downtime is not None and downtime.cause == Downtime.Cause.SILENT:
        downtime.end(by=by.name, now=now)
        hold_clock.give_back(location, by=SYSTEM.name, now=now)
        tell_of_downtime(downtime, "location_back")
