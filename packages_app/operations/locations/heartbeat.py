"""A kiosk says that its location is alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from common.sql import fetch
from lockers.models import Compartment, Downtime, Kiosk, Location
from packages_app.core.actor import SYSTEM, Caller
from packages_app.core.operation import Operation
from packages_app.errors import UnknownCompartment
from packages_app.messaging.locations import tell_of_downtime
from packages_app.operations.locations.notice_silence import NO_SIGN_OF_LIFE, fallen_silent
from packages_app.operations.locations.report_fault import take_out
from packages_app.rules import hold_clock
from packages_app.sql import heartbeats


def heartbeat(
    *, by: Caller, now: datetime, software_version: str, silent_compartments: Sequence[int]
) -> None:
    """Note the kiosk's life sign; doors that do not answer go out of service and the managers are told.

    A door stays out until a manager puts it back: one that answers now and then is broken as well. Ids
    that are no door of the kiosk's location are ignored, so that one wrong id silences no heartbeat.
    A location that was silent is back: its packages get the lost time, also where nobody had noticed.
    """
    assert by.kiosk_id is not None
    assert by.location_id is not None
    life = fetch(heartbeats.LIFE, {"location_id": by.location_id})[0]
    unnoticed = life.last_seen_at is not None and life.last_seen_at < now - settings.LOCATION_SILENT_AFTER
    silent = life.down == Downtime.Cause.SILENT or (life.down is None and unnoticed)
    if silent and not life.sandbox:
        _come_back(by=by, now=now, software_version=software_version)
    else:
        _note(by, now, software_version)
    doors = Compartment.objects.filter(location_id=by.location_id, out_of_service_at__isnull=True)
    for door_id in doors.filter(pk__in=silent_compartments).order_by("pk").values_list("pk", flat=True):
        _silence(door_id=door_id, by=by, now=now)


def _note(by: Caller, now: datetime, software_version: str) -> None:
    assert by.kiosk_id is not None
    Kiosk.objects.filter(pk=by.kiosk_id).update(last_seen_at=now, software_version=software_version)


@Operation
def _come_back(*, by: Caller, now: datetime, software_version: str) -> None:
    """The end of the silence, and the life sign that ends it, in one transaction."""
    assert by.location_id is not None
    location = Location.objects.lock(by.location_id)
    downtime = location.downtimes.open().first()
    since = fallen_silent(location, now=now)
    _note(by, now, software_version)
    if downtime is None and since is not None and since < now - settings.LOCATION_SILENT_AFTER:
        # Nobody was there to notice: the portal itself was away, or its jobs.
        downtime = Downtime.objects.create(
            location=location,
            cause=Downtime.Cause.SILENT,
            began_at=since,
            reason=NO_SIGN_OF_LIFE,
            begun_by=SYSTEM.name,
        )
    if downtime is not None and downtime.cause == Downtime.Cause.SILENT:
        downtime.end(by=by.actor.name, now=now)
        hold_clock.give_back(location, by=SYSTEM.name, now=now)
        tell_of_downtime(downtime, "location_back")


@Operation
def _silence(*, door_id: int, by: Caller, now: datetime) -> None:
    assert by.location_id is not None
    try:
        door = Compartment.objects.filter(location_id=by.location_id).lock(door_id)
    except UnknownCompartment:
        return
    if door.out_of_service_at is None:
        take_out(door, by=by.actor, reason="does not answer", now=now)
