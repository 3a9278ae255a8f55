"""Send the recipient a new pickup code."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package


@Operation
def resend_code(*, package_id: UUID, by: Actor, now: datetime, seen: datetime | None = None) -> Package:
    """Replace a STORED package's code and send the recipient the new one; the old one stops working.

    `seen`: the `updated_at` that the person saw before they asked, so that a form sent twice makes one new
    code. Raises `UnknownPackage`, `WrongStatus` (also past the end of the hold period), `ChangedMeanwhile`,
    `OnHold` (the release of the hold sends the code), `NothingToResend`.
    """
    package = by.packages().lock(package_id)
    if seen is not None and seen != package.updated_at:
        raise errors.ChangedMeanwhile
    package.must_be_waiting(now=now)
    if package.held_at is not None:
        raise errors.OnHold
    if not package.recipient.channels:
        raise errors.NothingToResend
    package.move_to(
        Status.STORED,
        event=Event.CODE_RENEWED,
        by=by.name,
        **package.new_code(version=package.code_version + 1),
    )
    return package
