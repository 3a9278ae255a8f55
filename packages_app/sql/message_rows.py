"""The rows of the outbox that an event makes, for the statements that write many events at once.

They are the rows that `Package.move_to` and `Delegate.tell` write for one package, from the same tables
(`TOLD`, `CODES_END`, `ANNOUNCED`, and the channels of people). The columns are `outbox.INSERT_COLUMNS`.
"""

from __future__ import annotations

from notifications.channels.people import ADDRESS_FIELDS
from packages_app.life.kinds import DEFAULT_PRIORITY, KINDS
from packages_app.life.lifecycle import ANNOUNCED, CODES_END, TOLD, Event, Status
from packages_app.sql import webhook_rows

# After the CTE `messages`: whether delivery to webhooks is to be woken.
ANNOUNCES = "(SELECT bool_or(channel = 'webhook') FROM messages) AS announces"

_ADDRESSES = tuple(dict.fromkeys(ADDRESS_FIELDS.values()))


def _channels(person: str) -> str:
    """Return SQL for a row for each channel, with the person's address on it."""
    rows = (f"('{channel}', {person}.{field})" for channel, field in ADDRESS_FIELDS.items())
    return f"CROSS JOIN LATERAL (VALUES {', '.join(rows)}) channel (name, address)"


def recipient_columns(recipient: str) -> str:
    """Return SQL for the columns of a recipient that `recipient_rows` reads."""
    return ", ".join(f"{recipient}.{field}" for field in (*_ADDRESSES, "only_channel"))


def has_address(recipient: str) -> str:
    """Return SQL for whether the recipient has any address."""
    addresses = (f"{recipient}.{field} <> ''" for field in _ADDRESSES)
    return f"({' OR '.join(addresses)})"


def recipient_rows(
    kind: str,
    *,
    source: str,
    recipient: str = "recipient",
    package_id: str,
    cause: str,
    priority: int = DEFAULT_PRIORITY,
    context: str = "'{}'::jsonb",
    where: str = "true",
) -> str:
    """Return SQL for a message to each recipient in `source`, on every channel that they may be told by.

    Takes SQL expressions over `source`, in which `recipient` has `recipient_columns`.
    """
    return f"""
    SELECT {kind}, channel.name, 'package:' || {package_id}, {cause} || ':' || channel.name, {priority}, '',
           {context}
    FROM {source} {_channels(recipient)}
    WHERE channel.address <> '' AND {recipient}.only_channel IN ('', channel.name) AND {where}
    """


def delegate_rows(kind: str, *, where: str = "true") -> str:
    """Return SQL for a message of `kind` to the delegate of each package in the CTE `history`.

    They are those of `Delegate.tell`. `where` may ask more of `history` and `delegate`. The recipient is told
    the same at these events.
    """
    return f"""
    SELECT '{kind}', channel.name, 'package:' || history.package_id,
           '{kind}:' || history.id || ':' || channel.name, {KINDS[kind].priority}, '',
           jsonb_build_object('delegate', delegate.id, 'like_recipient', true)
    FROM history
    JOIN packages_app_delegate delegate
      ON delegate.package_id = history.package_id AND delegate.withdrawn_at IS NULL
    {_channels("delegate")}
    WHERE channel.address <> '' AND {where}
    """


def event_rows(
    event: Event,
    before: Status,
    *,
    packages: str,
    recipients: str,
    announces: bool = True,
    delegates: bool = True,
) -> str:
    """Return SQL for every message that `event` makes of a package that was `before`.

    There is one set for each line in the CTE `history`. `packages` is a table expression with
    `webhook_rows.PACKAGE_COLUMNS`; `recipients` is one that joins `history` with its `recipient`. `announces`
    and `delegates` leave out the courier's webhooks and the delegate.
    """
    rows = []
    kind = TOLD.get((event, before))
    if kind is not None:
        rows.append(
            recipient_rows(
                f"'{kind}'",
                source=recipients,
                package_id="history.package_id",
                cause="'event:' || history.id",
                priority=KINDS[kind].priority,
                where=f"history.event = '{event}'",
            )
        )
    if delegates and (event, before) in CODES_END:
        rows.append(delegate_rows("delegate_ended"))
    if announces and (event, before) in ANNOUNCED:
        rows.append(
            webhook_rows.history_rows(
                ANNOUNCED[event, before], packages=packages, where=f"history.event = '{event}'"
            )
        )
    return "UNION ALL".join(rows)
