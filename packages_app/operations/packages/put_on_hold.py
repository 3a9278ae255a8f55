"""Put a package on hold: nobody can pick it up until the hold is released."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import Package
from packages_app.rules import holds


class HoldReason(StrEnum):
    """Why a package is on hold, for its history; the recipient is not told."""

    FRAUD = "fraud"
    UNPAID = "unpaid"
    CUSTOMS = "customs"
    OTHER = "other"


@Operation
def put_on_hold(
    *, package_id: UUID, by: Actor, now: datetime, reason: HoldReason = HoldReason.OTHER, note: str = ""
) -> Package:
    """Put a PENDING, STORED or EXPIRED package on hold: it keeps its status, and no code works.

    The hold period of a STORED package stops, but only until the latest end that the location allows: then it
    expires and goes back. A package that is on hold already stays as it is.
    Raises `UnknownPackage`, `WrongStatus`.
    """
    package = by.packages().lock(package_id)
    if package.held_at is None:
        reason_text = f"{reason.value}: {note}".rstrip(": ")[:200]
        holds.put_on_hold(package, by=by.name, now=now, reason=reason_text)
    return package
