"""Leave the queue of a full location."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from common.wakeup import wake_queue
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import QueueEntry


@Operation
def leave_queue(*, entry_id: UUID, by: Actor, now: datetime) -> QueueEntry:
    """Leave the queue, WAITING → LEFT; a repeat changes nothing.

    Raises `UnknownQueueEntry`, and `NotWaiting` for an entry that was granted a compartment or has expired.
    """
    try:
        entry = (
            by.queue_entries()
            .select_related("location", "recipient", "courier")
            .select_for_update(of=("self",), no_key=True)
            .get(pk=entry_id)
        )
    except QueueEntry.DoesNotExist:
        raise errors.UnknownQueueEntry from None
    if entry.status == QueueEntry.Status.WAITING:
        entry.end(QueueEntry.Status.LEFT)
        entry.refresh_from_db(fields=["ended_at"])  # written by the database's clock
        transaction.on_commit(wake_queue, robust=True)  # a free compartment may now belong to a later entry
    elif entry.status != QueueEntry.Status.LEFT:
        raise errors.NotWaiting(status=entry.status, package_id=entry.package_id)
    return entry
