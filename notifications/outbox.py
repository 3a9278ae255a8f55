"""Put messages into the outbox, in the transaction of the event that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction

from common.wakeup import nudge
from notifications.models import Notification

INSERT_COLUMNS = ("kind", "channel", "subject", "dedup_key", "priority", "queue", "context")


def enqueue(
    *,
    kind: str,
    channels: Iterable[str],
    subject: str,
    dedup_prefix: str,
    priority: int = 5,
    context: Mapping[str, object] | None = None,
) -> None:
    """Add a message for each of `channels`; a repeated `dedup_prefix` and channel adds nothing.

    The rows are part of the caller's transaction; delivery is woken when it commits. `subject` is what the
    message is about, as package:<uuid>; for a webhook it is the endpoint's `destination_id`. `context` takes
    small facts, never personal data, codes or keys.
    """
    Notification.objects.bulk_create(
        [
            Notification(
                kind=kind,
                channel=channel,
                subject=subject,
                dedup_key=f"{dedup_prefix}:{channel}",
                priority=priority,
                context=dict(context or {}),
            )
            for channel in channels
        ],
        ignore_conflicts=True,
    )
    transaction.on_commit(nudge, robust=True)


def insert_select(select_sql: str) -> str:
    """Return SQL that puts the rows of `select_sql` (with the columns of `INSERT_COLUMNS`) into the outbox.

    For operations that do all their work in one statement; the caller wakes delivery after its commit. As a
    CTE it has the column `channel` and one row per message.
    """
    columns = ", ".join(INSERT_COLUMNS)
    return f"INSERT INTO notifications_notification ({columns}) {select_sql} RETURNING channel"
