"""A package is held back: nobody gets it until it is released."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package


class HoldReason(StrEnum):
    """Why it is held back, for the history; the recipient is not told."""

    FRAUD = "fraud"
    UNPAID = "unpaid"
    CUSTOMS = "customs"
    OTHER = "other"


@Operation
def hold(
    *, package_id: UUID, by: Actor, now: datetime, reason: HoldReason = HoldReason.OTHER, note: str = ""
) -> Package:
    """A PENDING, STORED or EXPIRED package keeps its status and its door, and no code opens the door.

    While a STORED one is held back its time stands still, but its door is not blocked for ever: `expires_at`
    becomes the latest that the location allows, and past that the package expires and goes back.
    What is held back already stays as it is. Raises `UnknownPackage`, `WrongStatus`.
    """
    package = by.packages().lock(package_id)
    if package.held_at is None:
        hold_back(package, by=by, now=now, reason=f"{reason.value}: {note}".rstrip(": ")[:200])
    return package


def hold_back(package: Package, *, by: Actor, now: datetime, reason: str) -> None:
    """The same for a package whose lock the caller holds."""
    times: dict[str, datetime | None] = {"held_at": now}
    if (
        package.status == Status.STORED
        and package.expires_at is not None
        and package.expires_at > package.clock_reads(now)
    ):
        times["held_expires_at"] = package.expires_at
        times["expires_at"] = max(package.expires_at, package.latest_end)
    package.move_to(
        Status(package.status),
        event=Event.HELD,
        by=by.name,
        reason=reason,
        **times,
    )
