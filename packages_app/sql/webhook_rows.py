"""The rows of the outbox for couriers' webhooks, and the statements that write them alone.

A message's context keeps what was true at the event, of what may change later: so its body is the same at
each try and tells the truth about the event, not about the moment of sending (`messaging/webhooks.py`).
"""

from __future__ import annotations

from notifications import outbox
from packages_app.life.kinds import DEFAULT_PRIORITY
from packages_app.life.package_fields import CHANGING

# What a RETURNING list of `package` must hold, so that its rows can stand as `packages` below.
PACKAGE_COLUMNS = ", ".join(
    f"package.{name}"
    for name in ("id", "courier_id", *CHANGING, "compartment_id", "released_at", "collected_by_delegate")
)


def context(
    *, at: str, event: str | None = None, package: str | None = None, data: str = "'{}'::jsonb"
) -> str:
    """Return SQL for what a message keeps of its event; the arguments are SQL expressions.

    `event` is the name of the line in the history, and `package` a table expression with `PACKAGE_COLUMNS`;
    both are left out of what is about no package.
    """
    members = f"'at', {at}"
    if package is not None:
        members += f", 'event', {event}, 'package', {_package_facts(package)}"
    return f"jsonb_build_object({members}, 'data', {data})"


def _package_facts(package: str) -> str:
    members = ", ".join(f"'{name}', {package}.{name}" for name in ("id", *CHANGING, "collected_by_delegate"))
    occupied = f"CASE WHEN {package}.released_at IS NULL THEN {package}.compartment_id END"
    return f"jsonb_build_object({members}, 'compartment_id', {occupied})"


def rows(
    event_type: str,
    *,
    source: str,
    courier_id: str,
    queue: str,
    cause: str,
    context: str,
    where: str = "true",
) -> str:
    """Return SQL for a message to each open webhook of the courier that asks for `event_type`.

    Takes SQL expressions over `source`. Costs one look into an index when the courier has no webhook.
    """
    return f"""
    SELECT {event_type}, 'webhook', webhook.destination_id, webhook.destination_id || ':' || {cause},
           {DEFAULT_PRIORITY}, {queue}, {context}
    FROM {source}
    JOIN packages_app_webhook webhook ON webhook.courier_id = {courier_id}
    JOIN notifications_destination destination ON destination.subject = webhook.destination_id
    WHERE destination.closed_at IS NULL AND {event_type} = ANY(webhook.events) AND {where}
    """


def history_rows(event_type: str, *, packages: str, where: str) -> str:
    """Return the same for each line in the CTE `history`; `packages` has their packages."""
    return rows(
        f"'{event_type}'",
        source=f"history JOIN {packages} package ON package.id = history.package_id",
        courier_id="package.courier_id",
        queue="'package:' || history.package_id",
        cause="'event:' || history.id",
        context=context(at="history.at", event="history.event", package="package"),
        where=where,
    )


def _insert(*, source: str, courier_id: str, context: str, where: str = "true") -> str:
    """Return the statement; one cause is told once to each webhook, however often it is announced."""
    selected = rows(
        "%(event_type)s::text",
        source=source,
        courier_id=courier_id,
        queue="%(subject)s::text",
        cause="%(cause)s::text",
        context=context,
        where=where,
    )
    return outbox.insert_select(f"{selected} ON CONFLICT DO NOTHING")


_AT = "coalesce(%(at)s::timestamptz, clock_timestamp())"
_FACTS = "%(facts)s::jsonb"

ANNOUNCE = _insert(source="(SELECT) one", courier_id="%(courier_id)s", context=context(at=_AT, data=_FACTS))
# The package's facts are those of its row as it stands when this runs.
ANNOUNCE_PACKAGE = _insert(
    source="packages_app_package package",
    courier_id="package.courier_id",
    context=context(at=_AT, event="%(event)s::text", package="package", data=_FACTS),
    where="package.id = %(package_id)s::uuid AND package.courier_id = %(courier_id)s",
)
# To every courier who has a package in the location, or brought one since `since`.
ANNOUNCE_LOCATION = _insert(
    source="""(
        SELECT DISTINCT courier_id FROM packages_app_package
        WHERE location_id = %(location_id)s AND (released_at IS NULL OR created_at >= %(since)s)
    ) visitor""",
    courier_id="visitor.courier_id",
    context=context(at="%(at)s::timestamptz", data=_FACTS),
)
