"""Move a package to another compartment, because its own is not usable."""

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
from packages_app.operations.locations.report_broken import report_broken


class Reason(StrEnum):
    """Why the compartment is not usable, and so what becomes of it."""

    TOO_SMALL = "too_small"  # it is free again
    DOOR_STUCK = "door_stuck"  # out of service, and unverified: somebody has to look inside
    NOT_EMPTY = "not_empty"  # unverified: something is inside that nobody knows of
    DAMAGED = "damaged"  # out of service


# The courier is at the new compartment, so nothing is doubtful about it as it may have been about the old
# one.
_OCCUPANCY = {Status.PENDING: Compartment.Occupancy.RESERVED, Status.STORED: Compartment.Occupancy.OCCUPIED}


@Operation
def reassign(*, package_id: UUID, by: Actor, now: datetime, reason: Reason) -> Package:
    """Give a PENDING or STORED package another compartment; a larger one for `too_small`.

    The courier is there with the parcel, so that the new compartment counts as opened, and the queue has to
    wait.
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
        occupancy=_OCCUPANCY[Status(package.status)],
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


def _leave(compartment: Compartment, *, by: Actor, reason: Reason, now: datetime) -> None:
    if reason in (Reason.NOT_EMPTY, Reason.DOOR_STUCK):
        compartment.mark_unverified(by=by.name, reason=reason)  # nobody has seen that it is empty
    else:
        compartment.release()
    if reason in (Reason.DOOR_STUCK, Reason.DAMAGED):
        report_broken.work(
            compartments=Compartment.objects.all(),
            compartment_id=compartment.pk,
            by=by,
            now=now,
            reason=reason,
        )
