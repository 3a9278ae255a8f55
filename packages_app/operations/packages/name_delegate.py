"""Name somebody else who may pick up a package, with a code of their own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Delegate, Package


@Operation
def name_delegate(*, package_id: UUID, by: Actor, now: datetime, delegate: Delegate) -> Package:
    """Give `delegate` (not saved yet) a code for a STORED package, and tell them and the recipient.

    A delegate named before is told that they may not pick it up anymore. The same person again changes
    nothing. The code of a package on hold is sent when the hold is released.
    Raises `UnknownPackage`, `WrongStatus` (also past the end of the hold period).
    """
    package = by.packages().lock(package_id)
    package.must_be_waiting(now=now)
    before = package.delegate
    if before is not None:
        if _is_same(before, delegate):
            return package
        before.withdraw(now=now)
    delegate.package, delegate.location_id = package, package.location_id
    delegate.named_at = now
    delegate.give_code(version=1)
    delegate.save(force_insert=True)
    line = package.move_to(
        Status.STORED,
        event=Event.DELEGATED,
        by=by.name,
        reason="instead of somebody named before" if before else "",
    )
    delegate.tell(cause=line.pk)
    if before is not None:
        before.tell(cause=line.pk, kind="delegate_ended", like_recipient=True)
    return package


def _is_same(delegate: Delegate, other: Delegate) -> bool:
    fields = ("name", "email", "phone", "language")
    return all(getattr(delegate, field) == getattr(other, field) for field in fields)
