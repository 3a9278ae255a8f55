"""Remove the delegate of a package: only the recipient may pick it up."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package


@Operation
def remove_delegate(*, package_id: UUID, by: Actor, now: datetime) -> Package:
    """Remove the delegate, whose code stops working at once, and tell them; without one nothing changes.

    The delegate of an EXPIRED package is not told: they were told when it expired.

    Raises `UnknownPackage`, and `WrongStatus` for a package that is neither STORED nor EXPIRED.
    """
    package = by.packages().lock(package_id)
    if package.status not in (Status.STORED, Status.EXPIRED):
        raise errors.WrongStatus(status=package.status)
    delegate = package.delegate
    if delegate is not None:
        delegate.withdraw(now=now)
        line = package.move_to(Status(package.status), event=Event.DELEGATE_REMOVED, by=by.name)
        if package.status == Status.STORED:
            delegate.tell(cause=line.pk, kind="delegate_ended", like_recipient=True)
    return package
