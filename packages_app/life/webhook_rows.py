"""Announcing to couriers' endpoints what happens, in the transaction in which it happens.

A message's context keeps what was true at the event, of what may change later: so its body is the same at
each try and tells the truth about the event, not about the moment of sending (`composing.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from common.sql import fetch
from common.wakeup import nudge_webhooks
from notifications import outbox
from packages_app.life.lifecycle import DEFAULT_PRIORITY

if TYPE_CHECKING:
    from lockers.models import Location

# Of a package, what may change after the event.
CHANGING = (
    "status",
    "size",
    "reserved_until",
    "opened_at",
    "stored_at",
    "expires_at",
    "retrieved_at",
    "cancelled_at",
    "returned_at",
    "held_at",
)
# The columns of the package that `package_facts` reads.
PACKAGE_COLUMNS = (*CHANGING, "compartment_id", "released_at", "collected_by_delegate")


def package_facts(package: str) -> str:
    """SQL: the facts about the package in the table expression `package`, which has `PACKAGE_COLUMNS`."""
    members = ", ".join(f"'{name}', {package}.{name}" for name in ("id", *CHANGING))
    held = f"CASE WHEN {package}.released_at IS NULL THEN {package}.compartment_id END"
    members += f", 'collected_by_delegate', {package}.collected_by_delegate"
    return f"jsonb_build_object({members}, 'compartment_id', {held})"


def rows_sql(
    *,
    source: str,
    event_type: str,
    courier_id: str,
    queue: str,
    cause: str,
    context: str,
    where: str = "true",
) -> str:
    """SQL: a row of the outbox for each endpoint of the courier that asks for `event_type`.

    Takes SQL expressions over `source`. Costs one look into an index when the courier has no endpoint.
    """
    return f"""
    SELECT {event_type}, 'webhook', webhook.destination_id, webhook.destination_id || ':' || {cause},
           {DEFAULT_PRIORITY}, {queue}, {context}
    FROM {source}
    JOIN packages_app_webhook webhook ON webhook.courier_id = {courier_id}
    JOIN notifications_destination destination ON destination.subject = webhook.destination_id
    WHERE destination.closed_at IS NULL AND {event_type} = ANY(webhook.events) AND {where}
    """


_ANNOUNCE = outbox.insert_select(
    rows_sql(
        source="(SELECT) one",
        event_type="%(event_type)s::text",
        courier_id="%(courier_id)s",
        queue="%(subject)s::text",
        cause="%(cause)s::text",
        context="""jsonb_build_object(
            'at', coalesce(%(at)s::timestamptz, clock_timestamp()), 'data', %(facts)s::jsonb)""",
    )
    + " ON CONFLICT DO NOTHING"
)
_ANNOUNCE_PACKAGE = outbox.insert_select(
    rows_sql(
        source="packages_app_package package",
        event_type="%(event_type)s::text",
        courier_id="package.courier_id",
        queue="%(subject)s::text",
        cause="%(cause)s::text",
        context=f"""jsonb_build_object(
            'at', coalesce(%(at)s::timestamptz, clock_timestamp()), 'event', %(event)s::text,
            'package', {package_facts("package")}, 'data', %(facts)s::jsonb)""",
        where="package.id = %(package_id)s::uuid AND package.courier_id = %(courier_id)s",
    )
    + " ON CONFLICT DO NOTHING"
)


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
    """A message to each of the courier's endpoints that asks for `event_type`; in the caller's transaction.

    `subject` is what it is about, as package:<uuid> or location:<id>: an endpoint gets the events of one
    subject in their order. `cause` (up to 50 characters) is told once to each endpoint, as event:<id>. A
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
        written = fetch(_ANNOUNCE_PACKAGE, {**parameters, "package_id": number})
    else:
        written = fetch(_ANNOUNCE, parameters)
    if written:
        transaction.on_commit(nudge_webhooks, robust=True)


# To whom a location matters: who has a package in one of its doors, or brought one within this time.
USED_WITHIN = timedelta(days=30)

_ANNOUNCE_LOCATION = outbox.insert_select(
    rows_sql(
        source="""(
        SELECT DISTINCT courier_id FROM packages_app_package
        WHERE location_id = %(location_id)s AND (released_at IS NULL OR created_at >= %(since)s)
    ) visitor""",
        event_type="%(event_type)s::text",
        courier_id="visitor.courier_id",
        queue="%(subject)s::text",
        cause="%(cause)s::text",
        context="jsonb_build_object('at', %(at)s::timestamptz, 'data', %(facts)s::jsonb)",
    )
    + " ON CONFLICT DO NOTHING"
)


def announce_location(location: Location, event_type: str, *, now: datetime) -> None:
    """location.suspended or .resumed to every courier to whom the location matters (`USED_WITHIN`).

    In the caller's transaction, which holds the location's row: so two such events have one order.
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
    if fetch(_ANNOUNCE_LOCATION, parameters):
        transaction.on_commit(nudge_webhooks, robust=True)
