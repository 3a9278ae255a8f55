"""A reservation whose deposit was never confirmed ends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from packages_app.core.actor import SYSTEM
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package
from packages_app.rules import reservations


def lapse(*, now: datetime, batch: int = 500) -> int:
    """PENDING → CANCELLED for every reservation whose time is over at `now`; returns how many.

    A door that was never opened is free; else it becomes `unverified`: the courier may have put the package
    in without confirming.
    One transaction for each, so that two sweeps at once, or one that is killed, do nothing twice.
    """
    lapsed = 0
    due = Package.objects.filter(status=Status.PENDING, reserved_until__lte=now).order_by("reserved_until")
    while package_ids := list(due.values_list("pk", flat=True)[:batch]):
        lapsed += sum(_lapse_one(package_id=package_id, now=now) for package_id in package_ids)
    return lapsed


@Operation
def _lapse_one(*, package_id: UUID, now: datetime) -> bool:
    package = SYSTEM.packages().lock(package_id)
    if package.reserved_until is None or package.reserved_until > now:
        return False  # deposited, cancelled or lapsed by somebody else since we looked
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
