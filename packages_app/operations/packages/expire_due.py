"""End the hold period of packages that nobody picked up."""

from __future__ import annotations

import time
from datetime import datetime

from django.db import transaction

from common.operation import Step, Sweep
from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks
from packages_app.core.actor import SYSTEM
from packages_app.sql import expiry

# Small batches with a rest after each: nobody waits for the expiry of 100,000 packages, and meanwhile people
# wait at kiosks for their pickup (`docs/performance.md`).
BATCH = 150
REST = 1.0  # times as long as the batch took


@Sweep
def expire_due(*, now: datetime, batch: int = BATCH) -> int:
    """Expire every package whose hold period has ended at `now`, STORED → EXPIRED; return how many.

    A package occupies its compartment until it is taken out. Each batch is a transaction of its own and skips
    rows that others have locked.
    """
    expired = 0
    while True:
        begun = time.monotonic()
        count = _expire_batch(now=now, batch=batch)
        expired += count
        if count < batch:
            return expired
        time.sleep((time.monotonic() - begun) * REST)


@Step
def _expire_batch(*, now: datetime, batch: int) -> int:
    rows = fetch(expiry.EXPIRE, {"now": now, "batch": batch, "by": SYSTEM.name})
    expired = int(rows[0].expired)
    if expired:
        transaction.on_commit(nudge, robust=True)
    if rows[0].announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    return expired
