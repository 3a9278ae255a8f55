"""The hold clock of a location: stopped while nobody can pick up there, and the lost time is given back.

All of a location's packages at once. The caller's transaction holds the lock of the location's row: what
begins and what ends a downtime waits for each other there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks
from lockers.models import Downtime, Location
from packages_app.life.lifecycle import TOLD, Event, Status
from packages_app.sql import hold_clock as statements

# What a package's history and its recipient are told when the clock stops.
_STOPPED_BY = {
    Downtime.Cause.SILENT: Event.HOLD_STOPPED,
    Downtime.Cause.SUSPENDED: Event.LOCATION_SUSPENDED,
}


def stop(downtime: Downtime, *, expired_only: bool = False) -> int:
    """Stop the clock for every package at the location from now on; return how many there are.

    What expired after `began_at` is STORED again, and its code works. With `expired_only` nothing else gets a
    line of history. An open downtime is enough to stop the clock: no row needs to be written for that
    (`sql/expiry.py`, `sql/pickup.py`).
    """
    event = _STOPPED_BY[Downtime.Cause(downtime.cause)]
    params = {
        "location_id": downtime.location_id,
        "began_at": downtime.began_at,
        "expired_only": expired_only,
        "event": str(event),
        "by": downtime.begun_by,
        "reason": downtime.reason[:200],
        "told": TOLD.get((event, Status.STORED)),
    }
    return _done(fetch(statements.STOP, params)[0])


def give_back(location: Location, *, by: str, now: datetime) -> int:
    """Add the time lost in the location's unsettled downtimes to the hold of each package there.

    The limit of extensions does not apply. STORED, or EXPIRED since the downtime began → STORED; the
    recipient is told the new date. Returns how many packages. All of the location's downtimes must have
    ended.
    """
    event = Event.LOCATION_RESUMED
    params = {"location_id": location.pk, "by": by, "told": TOLD.get((event, Status.STORED))}
    count = _done(fetch(statements.GIVE_BACK, params)[0])
    Downtime.objects.unsettled().filter(location=location).update(settled_at=now)
    return count


def begin(
    location: Location,
    *,
    cause: Downtime.Cause,
    began_at: datetime,
    reason: str,
    by: str,
) -> Downtime:
    """Begin a downtime and stop the clock. No other downtime of the location may be open."""
    downtime = Downtime.objects.create(
        location=location, cause=cause, began_at=began_at, reason=reason[:200], begun_by=by
    )
    stop(downtime)
    return downtime


def _done(result: Any) -> int:
    if result.packages:
        transaction.on_commit(nudge, robust=True)
    if result.announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    return int(result.packages)
