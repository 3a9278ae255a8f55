"""End reservations whose deposit was never confirmed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from common.operation import Step, Sweep
from packages_app.core.actor import SYSTEM
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package
from packages_app.rules import reservations


@Sweep
def lapse_due(*, now: datetime, batch: int = 500) -> int:
    """Cancel every reservation whose time is over at `now`, PENDING → CANCELLED; return how many.

    A compartment that was never opened becomes free; one that may have been opened becomes `unverified`,
    because the courier may have put the package in without confirming. Each reservation is a transaction.
    """
    lapsed = 0
    due = Package.objects.filter(status=Status.PENDING, reserved_until__lte=now).order_by("reserved_until")
    while package_ids := list(due.values_list("pk", flat=True)[:batch]):
        lapsed += sum(_lapse(package_id=package_id, now=now) for package_id in package_ids)
    return lapsed


@Step
def _lapse(*, package_id: UUID, now: datetime) -> bool:
    package = SYSTEM.packages().lock(package_id)
    if package.reserved_until is None or package.reserved_until > now:
        return False  # deposited, canceled or lapsed in another transaction since we looked
    package.move_to(
        Status.CANCELLED,
        event=Event.LAPSED,
        by=SYSTEM.name,
        cancelled_at=now,
        reserved_until=None,
        released_at=now,
    )
    reservations.give_up(package, by=SYSTEM.name, reason="deposit never confirmed")
    return True
