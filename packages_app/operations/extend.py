"""A package may wait longer."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from lockers.clock import add_local_days
from packages_app import errors
from packages_app.access import Actor
from packages_app.lifecycle import Event, Status
from packages_app.models import Package
from packages_app.operation import Operation


@Operation
def extend(
    *, package_id: UUID, by: Actor, now: datetime, hours: int, seen: datetime | None = None
) -> Package:
    """STORED or EXPIRED → STORED, its hold `hours` longer (from now, if it has ended already).

    Its code works again. `seen` is the `updated_at` that somebody looked at before they asked, so that a
    form sent twice extends once. Raises `UnknownPackage`, `WrongStatus`, `ChangedMeanwhile`, and
    `ExtensionLimit` past the location's `max_hold_days` from the deposit.
    """
    package = by.packages().lock(package_id)
    if seen is not None and seen != package.updated_at:
        raise errors.ChangedMeanwhile
    if package.stored_at is None or package.expires_at is None:
        raise errors.WrongStatus(status=package.status)
    location = package.location
    expires_at = max(package.expires_at, now) + timedelta(hours=hours)
    latest = add_local_days(package.stored_at, location.max_hold_days, location.zone)
    if package.status in (Status.STORED, Status.EXPIRED) and expires_at > latest:
        raise errors.ExtensionLimit(
            f"This location holds a package for {location.max_hold_days} days at the most.", latest=latest
        )
    package.move_to(Status.STORED, event=Event.EXTENDED, by=by.name, expires_at=expires_at)
    return package
