"""Somebody looked into a door whose deposit was never confirmed, and the parcel was there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from lockers.models import Compartment
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package
from packages_app.operations.packages.hold import hold_back
from packages_app.rules import queueing, reservations


class Outcome(StrEnum):
    """What became of the parcel."""

    STAYS = "stays"  # it lies in its door, and its recipient may collect it
    TAKEN_OUT = "taken_out"  # it goes back to its courier, and the door is free


@Operation
def found(*, package_id: UUID, by: Actor, now: datetime, outcome: Outcome) -> Package:
    """CANCELLED while it was only reserved → STORED, as if deposited; or RETURNED, and the door is free.

    Only while its door is unverified because of it. What its courier has called off, nobody else stores; what
    was held back is held back again.
    Raises `UnknownPackage`, `WrongStatus`, `DuplicateTrackingNumber` when the courier brought it anew.
    """
    package = by.packages().lock(package_id)
    door = Compartment.objects.lock(package.compartment_id)
    if reservations.last_in(door) != package:
        raise errors.WrongStatus(status=package.status)
    if outcome == Outcome.TAKEN_OUT:
        package.move_to(Status.RETURNED, event=Event.FOUND_TAKEN_OUT, by=by.name, returned_at=now)
        door.confirm_empty(by=by.name)
        queueing.door_freed(door.location_id)
        return package
    if by.courier_id is None and package.events.latest("id").event == Event.CANCELLED:
        raise errors.WrongStatus(status=package.status)
    Package.objects.refuse_duplicate(package.courier_id, package.tracking_number)
    package.move_to(
        Status.STORED,
        event=Event.FOUND,
        by=by.name,
        cancelled_at=None,
        released_at=None,
        **package.storing(now),
    )
    door.hold(Compartment.Occupancy.OCCUPIED)
    if _was_held(package):
        hold_back(package, by=by, now=now, reason="as it was when its reservation ended")
    return package


def _was_held(package: Package) -> bool:
    line = package.events.filter(event__in=[Event.HELD, Event.RELEASED]).order_by("id").last()
    return line is not None and line.event == Event.HELD
