"""Release a package that is on hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life import lifecycle
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package


@Operation
def release_hold(*, package_id: UUID, by: Actor, now: datetime) -> Package:
    """Release a hold: codes work again, and the hold period is extended by the time that it stood still.

    Never past the latest end that the location allows. A package that has expired meanwhile stays EXPIRED (it
    can be extended), and one that is not on hold stays as it is. Raises `UnknownPackage`, `WrongStatus`.
    """
    package = by.packages().lock(package_id)
    if package.status not in lifecycle.OPEN:
        raise errors.WrongStatus(status=package.status)
    if package.held_at is None:
        return package
    line = package.move_to(
        Status(package.status),
        event=Event.RELEASED,
        by=by.name,
        expires_at=_end(package, now),
        held_at=None,
        held_expires_at=None,
    )
    delegate = package.delegate
    if delegate is not None and package.status == Status.STORED:
        delegate.tell(cause=line.pk, like_recipient=True)
    return package


def _end(package: Package, now: datetime) -> datetime | None:
    """Return when its hold period ends, with the time on hold added."""
    if package.status != Status.STORED or package.held_expires_at is None:
        return package.expires_at  # the hold period has not begun, or is over
    assert package.held_at is not None
    assert package.stored_at is not None
    assert package.expires_at is not None
    # `clock_reads` leaves a downtime of the location out: the end of the downtime gives that time back.
    stood_still = max(package.clock_reads(now) - max(package.held_at, package.stored_at), timedelta(0))
    return min(package.held_expires_at + stood_still, package.expires_at)
