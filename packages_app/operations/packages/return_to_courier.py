"""Return to its courier a package that nobody picked up."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from lockers.models import Compartment
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package


@Operation
def return_to_courier(*, package_id: UUID, by: Actor, now: datetime) -> Package:
    """Take a package out that is EXPIRED, or CANCELLED and in its compartment; → RETURNED.

    Only now its compartment is free. Raises `UnknownPackage`, `WrongStatus`.
    """
    package = by.packages().lock(package_id)
    if not package.holds_door:
        raise errors.WrongStatus(status=package.status)
    package.move_to(
        Status.RETURNED,
        event=Event.RETURNED,
        by=by.name,
        returned_at=now,
        released_at=now,
        code_mac=None,
    )
    Compartment.objects.lock(package.compartment_id).release()
    return package
