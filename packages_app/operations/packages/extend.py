"""Extend the hold period of a package."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package, PackageEvent

# The same call within this time, without an Idempotency-Key, is a retry and no second request.
REPEATS_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Extension:
    """By how much a hold period was extended, as the history keeps it: in the reason of its line."""

    hours: int

    def __str__(self) -> str:
        return f"by {self.hours} h"

    @classmethod
    def of(cls, line: PackageEvent) -> Extension | None:
        """Read it from a line of history; None if that is not an extension."""
        match = re.fullmatch(r"by ([0-9]+) h", line.reason)
        return cls(int(match[1])) if match and line.event == Event.EXTENDED else None


@Operation
def extend(
    *,
    package_id: UUID,
    by: Actor,
    now: datetime,
    hours: int,
    seen: datetime | None = None,
    may_repeat: bool = False,
    tell: bool = True,
) -> Package:
    """Extend the hold period by `hours` (from now, if it has ended already), STORED or EXPIRED → STORED.

    Its code works again, and so does a delegate's. `seen`: the `updated_at` that the person saw before they
    asked, so that a form sent twice extends once. With `may_repeat` the same call within a minute extends
    once too. `tell`: whether the recipient is told; not if it is they who asked.
    Raises `UnknownPackage`, `WrongStatus`, `ChangedMeanwhile`, `OnHold` (its hold period stands still), and
    `ExtensionLimit` past the location's `max_hold_days` from the deposit, with the `latest` end and the whole
    `hours` that are possible.
    """
    package = by.packages().lock(package_id)
    if seen is not None and seen != package.updated_at:
        raise errors.ChangedMeanwhile
    if package.status not in (Status.STORED, Status.EXPIRED) or package.expires_at is None:
        raise errors.WrongStatus(status=package.status)
    if package.held_at is not None:
        raise errors.OnHold
    if may_repeat and _is_repeat(package, by=by, now=now, hours=hours):
        return package
    start, latest = max(package.expires_at, package.clock_reads(now)), package.latest_end
    expires_at = start + timedelta(hours=hours)
    if expires_at > latest:
        raise errors.ExtensionLimit(
            f"This location holds a package for {package.location.max_hold_days} days at the most.",
            latest=latest,
            hours=max(0, int((latest - start) / timedelta(hours=1))),
        )
    line = package.move_to(
        Status.STORED, event=Event.EXTENDED, by=by.name, reason=str(Extension(hours)), expires_at=expires_at
    )
    if line.from_status == Status.EXPIRED and package.delegate is not None:
        package.delegate.tell(cause=line.pk, like_recipient=True)
    # While the location is down, the recipient is told the end once it is back: it will be a later one.
    if line.from_status == Status.STORED and tell and package.location.downtime is None:
        until = {"until": expires_at.isoformat()}
        package.tell("extended", dedup_prefix=f"longer:{line.pk}", context=until)
    return package


def _is_repeat(package: Package, *, by: Actor, now: datetime, hours: int) -> bool:
    last = package.events.order_by("id").last()
    if last is None or last.by != by.name or Extension.of(last) != Extension(hours):
        return False
    return abs(now - last.at) < REPEATS_WITHIN
