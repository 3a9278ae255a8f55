"""Confirm that a package is in its compartment."""

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
    """Confirm that a package is in its compartment, PENDING → STORED.

    Its hold period begins, it gets a pickup code, and the recipient is told. The recipient of a package on
    hold is told when the hold is released.
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
