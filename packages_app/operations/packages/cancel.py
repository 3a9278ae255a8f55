"""Cancel a package."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package
from packages_app.rules import reservations


@Operation
def cancel(*, package_id: UUID, by: Actor, now: datetime, reason: str = "") -> Package:
    """Cancel a package, PENDING, STORED or EXPIRED → CANCELLED; its code stops working.

    A package that was stored occupies its compartment until it is taken out. One that was only reserved gives
    its compartment up: free if it was never opened, else `unverified`, because people press "cancel" after
    they have put the parcel in.
    Raises `UnknownPackage`, `WrongStatus`.
    """
    package = by.packages().lock(package_id)
    reserved_only = package.status == Status.PENDING
    package.move_to(
        Status.CANCELLED,
        event=Event.CANCELLED,
        by=by.name,
        reason=reason,
        cancelled_at=now,
        reserved_until=None,
        code_mac=None,
        released_at=now if reserved_only else None,
    )
    if reserved_only:
        reservations.give_up(package, by=by.name, reason="drop-off cancelled")
    return package
