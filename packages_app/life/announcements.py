"""Announcing to couriers' webhooks what happens, in the transaction in which it happens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from common.sql import fetch
from common.wakeup import nudge_webhooks
from packages_app.sql import webhook_rows

if TYPE_CHECKING:
    from lockers.models import Location

# A courier uses a location if it has a package in a compartment there, or dropped one off within this time.
USED_WITHIN = timedelta(days=30)


def announce(
    *,
    courier_id: int,
    event_type: str,
    subject: str,
    cause: str,
    at: datetime | None = None,
    event: str | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Write a message to each webhook of the courier that asks for `event_type`, in the caller's transaction.

    `subject` is what it is about, as package:<uuid> or location:<id>: a webhook gets the events of one
    subject in their order. `cause` (up to 50 characters) is told once to each webhook, as event:<id>. A
    package's data are those of its row as it stands now, saved by the caller; `facts` are further members of
    the data, never personal data, codes or keys. `at`: when it happened, else now; `event`: the name of the
    line in the history.
    """
    parameters = {
        "courier_id": courier_id,
        "event_type": str(event_type),
        "subject": subject,
        "cause": cause,
        "at": at,
        "event": event,
        "facts": json.dumps(dict(facts or {})),
    }
    kind, _, number = subject.partition(":")
    if kind == "package":
        written = fetch(webhook_rows.ANNOUNCE_PACKAGE, {**parameters, "package_id": number})
    else:
        written = fetch(webhook_rows.ANNOUNCE, parameters)
    if written:
        transaction.on_commit(nudge_webhooks, robust=True)


def announce_location(location: Location, event_type: str, *, now: datetime) -> None:
    """Tell every courier who uses the location (`USED_WITHIN`) that it was suspended or resumed.

    The caller's transaction holds the lock of the location's row, so that two such events have one order.
    """
    parameters = {
        "location_id": location.pk,
        "since": now - USED_WITHIN,
        "event_type": str(event_type),
        "subject": f"location:{location.pk}",
        "cause": f"{event_type}:{location.pk}:{now.timestamp():.6f}",
        "at": now,
        "facts": json.dumps(
            {"location": location.code, "name": location.name, "suspended": location.suspended_at is not None}
        ),
    }
    if fetch(webhook_rows.ANNOUNCE_LOCATION, parameters):
        transaction.on_commit(nudge_webhooks, robust=True)
