"""The courier confirms that the package lies in its door."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from lockers.models import Compartment
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package


@Operation
def deposit(*, package_id: UUID, by: Actor, now: datetime) -> Package:
    """PENDING → STORED: the hold begins, the pickup code exists, the recipient is told.

    What is held back waits for its release: only then the recipient is told.
    Raises `UnknownPackage`, `WrongStatus`.
    """
    package = by.packages().lock(package_id)
    package.move_to(
        Status.STORED,
        event=Event.DEPOSITED,
        by=by.name,
        reserved_until=None,
        **package.storing(now),
    )
    Compartment.objects.lock(package.compartment_id).hold(Compartment.Occupancy.OCCUPIED)
    return package
