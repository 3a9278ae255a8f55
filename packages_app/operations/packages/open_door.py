"""Record that a courier opens the compartment that is reserved for a package."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package

# A courier at the open compartment has this long to confirm, however little of the reservation is left.
AT_LEAST = timedelta(minutes=5)


@Operation
def open_door(*, package_id: UUID, by: Actor, now: datetime) -> Package:
    """Record that a PENDING package's compartment is open: its parcel may be inside.

    A repeat changes nothing. Raises `UnknownPackage`, `WrongStatus`.
    """
    package = by.packages().lock(package_id)
    if package.status != Status.PENDING or package.reserved_until is None:
        raise errors.WrongStatus(status=package.status)
    if package.opened_at is None:
        package.move_to(
            Status.PENDING,
            event=Event.OPENED,
            by=by.name,
            reports_opening=True,
            opened_at=now,
            reserved_until=max(package.reserved_until, now + AT_LEAST),
        )
    return package
