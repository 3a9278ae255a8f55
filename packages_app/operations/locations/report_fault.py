"""Report what a courier found wrong with a compartment."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from lockers.models import Compartment, CompartmentQuerySet
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.messaging.doors import tell_of_door
from packages_app.operations.locations.report_broken import report_broken


class Fault(StrEnum):
    """What is wrong with a compartment."""

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
    """Stop giving a compartment out, and tell the location's managers.

    If it is not empty although no package occupies it, it becomes `unverified`; with any other fault, or with
    a package inside, it goes out of service. A package inside can still be picked up. A compartment that is
    out of use already stays so, and nobody is told twice.
    Raises `UnknownCompartment` for one outside `compartments`.
    """
    compartment = compartments.lock(compartment_id)
    before = compartment.status
    reason = f"{fault.value}: {note}".rstrip(": ")[:200]
    free = (compartment.Occupancy.EMPTY, compartment.Occupancy.UNVERIFIED)
    if fault != Fault.NOT_EMPTY or compartment.occupancy not in free:
        return report_broken.work(
            compartments=compartments, compartment_id=compartment_id, by=by, now=now, reason=reason
        )
    event = compartment.mark_unverified(by=by.name, reason=reason)
    if compartment.status != before:
        tell_of_door(event, compartment.location_id)
    return compartment
