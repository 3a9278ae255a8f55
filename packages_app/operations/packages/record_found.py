"""Record that a parcel was found in a compartment whose deposit was never confirmed."""

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
from packages_app.rules import holds, reservations


class Outcome(StrEnum):
    """What becomes of the parcel."""

    STAYS = "stays"  # it stays in its compartment, and its recipient may pick it up
    TAKEN_OUT = "taken_out"  # it goes back to its courier, and the compartment is free


@Operation
def record_found(*, package_id: UUID, by: Actor, now: datetime, outcome: Outcome) -> Package:
    """Record that the parcel of a canceled reservation was found, and store it or take it out.

    CANCELLED → STORED as if it had been deposited, or → RETURNED, and the compartment is free. Only while its
    compartment is unverified because of it. Nobody but the courier may store what the courier has canceled; a
    package that was on hold is put on hold again.
    Raises `UnknownPackage`, `WrongStatus`, `DuplicateTrackingNumber` if the courier has brought it anew.
    """
    package = by.packages().lock(package_id)
    compartment = Compartment.objects.lock(package.compartment_id)
    if reservations.last_in(compartment) != package:
        raise errors.WrongStatus(status=package.status)
    if outcome == Outcome.TAKEN_OUT:
        package.move_to(Status.RETURNED, event=Event.FOUND_TAKEN_OUT, by=by.name, returned_at=now)
        compartment.confirm_empty(by=by.name)
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
    compartment.hold(Compartment.Occupancy.OCCUPIED)
    if _was_on_hold(package):
        holds.put_on_hold(package, by=by.name, now=now, reason="as it was when its reservation ended")
    return package


def _was_on_hold(package: Package) -> bool:
    line = package.events.filter(event__in=[Event.HELD, Event.RELEASED]).order_by("id").last()
    return line is not None and line.event == Event.HELD
