"""A kiosk says that its location is alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lockers.models import Compartment, Kiosk
from packages_app.access import Caller
from packages_app.errors import UnknownCompartment
from packages_app.operation import Operation
from packages_app.operations.report_fault import take_out


def heartbeat(
    *, by: Caller, now: datetime, software_version: str, silent_compartments: Sequence[int]
) -> None:
    """Note the kiosk's life sign; doors that do not answer go out of service and the managers are told.

    A door stays out until a manager puts it back: one that answers now and then is broken as well. Ids
    that are no door of the kiosk's location are ignored, so that one wrong id silences no heartbeat.
    """
    assert by.kiosk_id is not None
    assert by.location_id is not None
    Kiosk.objects.filter(pk=by.kiosk_id).update(last_seen_at=now, software_version=software_version)
    doors = Compartment.objects.filter(location_id=by.location_id, out_of_service_at__isnull=True)
    for door_id in doors.filter(pk__in=silent_compartments).order_by("pk").values_list("pk", flat=True):
        _silence(door_id=door_id, by=by, now=now)


@Operation
def _silence(*, door_id: int, by: Caller, now: datetime) -> None:
    assert by.location_id is not None
    try:
        door = Compartment.objects.filter(location_id=by.location_id).lock(door_id)
    except UnknownCompartment:
        return
    if door.out_of_service_at is None:
        take_out(door, by=by.actor, reason="does not answer", now=now)
