"""Somebody stands before a door that does not work."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from lockers.models import Compartment, CompartmentQuerySet
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.messaging.doors import tell_of_door


class Fault(StrEnum):
    """What is wrong with it."""

    DOOR_STUCK = "door_stuck"
    NOT_EMPTY = "not_empty"
    DAMAGED = "damaged"
    DIRTY = "dirty"


@Operation
def report_fault(
    *,
    compartments: CompartmentQuerySet,
    compartment_id: int,
    by: Actor,
    now: datetime,
    fault: Fault,
    note: str = "",
) -> Compartment:
    """The door gets no new packages, and the location's managers are told.

    Found not empty although no package holds it, it becomes `unverified`; with any other fault, or with a
    package in it, it goes out of service. What lies in it can still be collected. A door that is out of use
    already stays so, and nobody is told twice. Raises `UnknownCompartment` for a door outside `compartments`.
    """
    door = compartments.lock(compartment_id)
    before = door.status
    reason = f"{fault.value}: {note}".rstrip(": ")[:200]
    if fault == Fault.NOT_EMPTY and door.occupancy in (door.Occupancy.EMPTY, door.Occupancy.UNVERIFIED):
        event = door.mark_unverified(by=by.name, reason=reason)
        if door.status != before:
            tell_of_door(event, door.location_id)
    else:
        take_out(door, by=by, reason=reason, now=now)
    return door


def take_out(door: Compartment, *, by: Actor, reason: str, now: datetime) -> None:
    """Out of service, and the managers are told unless it was already. The caller holds the door's lock."""
    news = door.out_of_service_at is None
    event = door.take_out_of_service(by=by.name, reason=reason, now=now)
    if news:
        tell_of_door(event, door.location_id)
