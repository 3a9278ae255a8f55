"""What it means to put a package on hold: its hold period stops, and no code opens its compartment."""

from __future__ import annotations

from datetime import datetime

from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package


def put_on_hold(package: Package, *, by: str, now: datetime, reason: str) -> None:
    """Put a package on hold. The caller has locked its row.

    `expires_at` of a STORED package becomes the latest end that its location allows, so that the compartment
    is not blocked forever; `held_expires_at` keeps the end that it had.
    """
    times: dict[str, datetime | None] = {"held_at": now}
    if (
        package.status == Status.STORED
        and package.expires_at is not None
        and package.expires_at > package.clock_reads(now)
    ):
        times["held_expires_at"] = package.expires_at
        times["expires_at"] = max(package.expires_at, package.latest_end)
    package.move_to(Status(package.status), event=Event.HELD, by=by, reason=reason, **times)
