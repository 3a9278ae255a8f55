"""The recipient gets a new pickup code."""

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
    """A STORED package's code becomes a new one; the old one opens nothing any more; the recipient is told.

    `seen` is the `updated_at` that somebody looked at before they asked, so that a form sent twice makes
    one new code. Raises `UnknownPackage`, `WrongStatus` (also past the end of the hold), `ChangedMeanwhile`,
    `OnHold` (the release sends the code), `NothingToResend`.
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
