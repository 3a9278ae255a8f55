"""Delete queue entries that ended long ago."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from common.operation import Step, Sweep
from packages_app.models import QueueEntry


@Sweep
def purge_queue_due(*, now: datetime, batch: int = 5000) -> int:
    """Delete queue entries that ended `QUEUE_KEEP` ago or earlier; return how many.

    Each batch is a transaction of its own and skips rows that another run has locked.
    """
    purged = 0
    while True:
        count = _purge_batch(now=now, batch=batch)
        purged += count
        if count < batch:
            return purged


@Step
def _purge_batch(*, now: datetime, batch: int) -> int:
    old = QueueEntry.objects.filter(ended_at__lte=now - settings.QUEUE_KEEP).order_by("ended_at")
    rows = old.select_for_update(skip_locked=True).values_list("pk", flat=True)
    count, _ = QueueEntry.objects.filter(pk__in=list(rows[:batch])).delete()
    return count
