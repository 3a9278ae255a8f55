"""Send a delegate a new pickup code."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package


@Operation
def resend_delegate_code(*, package_id: UUID, by: Actor, now: datetime) -> Package:
    """Replace the delegate's code and send them the new one; the recipient's own code stays as it is.

    Raises `UnknownPackage`, `WrongStatus` (also past the end of the hold period), `OnHold` (the release of
    the hold sends the code), `NoDelegate`, `NothingToResend`.
    """
    package = by.packages().lock(package_id)
    package.must_be_waiting(now=now)
    if package.held_at is not None:
        raise errors.OnHold
    delegate = package.delegate
    if delegate is None:
        raise errors.NoDelegate
    if not delegate.channels:
        raise errors.NothingToResend
    delegate.give_code(version=delegate.code_version + 1)
    delegate.save(update_fields=["code_version", "code_secret", "code_mac"])
    line = package.move_to(Status.STORED, event=Event.DELEGATE_RENEWED, by=by.name)
    delegate.tell(cause=line.pk)
    return package
