"""The courier stands before a door that will not do, and gets another."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from lockers import allocation
from lockers.models import Compartment
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package
from packages_app.operations.locations.report_fault import take_out


class Reason(StrEnum):
    """Why the door will not do, and so what becomes of it."""

    TOO_SMALL = "too_small"  # the door is fine and free again
    DOOR_STUCK = "door_stuck"  # out of service, and to be looked into before it is given out again
    NOT_EMPTY = "not_empty"  # unverified: something lies in it that nobody knows of
    DAMAGED = "damaged"  # out of service


# Whatever was doubtful about the old door: the courier stands before the new one.
_HOLDS = {Status.PENDING: Compartment.Occupancy.RESERVED, Status.STORED: Compartment.Occupancy.OCCUPIED}


@Operation
def reassign(*, package_id: UUID, by: Actor, now: datetime, reason: Reason) -> Package:
    """Another door for a PENDING or STORED package; a larger one for `too_small`.

    Who asks stands before the doors: the new one counts as opened, and nobody in the queue goes before.
    Raises `UnknownPackage`, `WrongStatus`, `LocationFull`, `BusyTryAgain`.
    """
    package = by.packages().lock(package_id)
    if package.status not in (Status.PENDING, Status.STORED):
        raise errors.WrongStatus(status=package.status)
    old = Compartment.objects.lock(package.compartment_id)
    size = old.size + 1 if reason == Reason.TOO_SMALL else package.size
    new = allocation.claim(
        package.location_id,
        size=size,
        strategy=package.location.strategy,
        accessible=package.accessible,
        occupancy=_HOLDS[Status(package.status)],
    )
    if new is None:
        raise errors.LocationFull(location=package.location, size=size, accessible=package.accessible)
    package.compartment = new
    package.move_to(
        Status(package.status),
        event=Event.REASSIGNED,
        by=by.name,
        reason=reason,
        compartment=new,
        size=max(package.size, size) if reason == Reason.TOO_SMALL else package.size,
        opened_at=package.opened_at or (now if package.reports_opening else None),
    )
    _leave(old, by=by, reason=reason, now=now)
    return package


def _leave(door: Compartment, *, by: Actor, reason: Reason, now: datetime) -> None:
    if reason in (Reason.NOT_EMPTY, Reason.DOOR_STUCK):
        door.mark_unverified(by=by.name, reason=reason)  # nobody has seen its inside empty
    else:
        door.release()
    if reason in (Reason.DOOR_STUCK, Reason.DAMAGED):
        take_out(door, by=by, reason=reason, now=now)
