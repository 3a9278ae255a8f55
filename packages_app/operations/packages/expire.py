"""The hold of packages that nobody collected ends."""

from __future__ import annotations

import time
from datetime import datetime

from django.db import transaction

from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks
from packages_app.core.actor import SYSTEM
from packages_app.core.operation import Operation
from packages_app.sql import expiry

# Few at a time and with a rest after each: nobody waits for the sweep of 100,000 packages, and somebody does
# for a pickup meanwhile (`docs/performance.md`).
BATCH = 150
REST = 1.0  # times as long as the batch took


def expire(*, now: datetime, batch: int = BATCH) -> int:
    """STORED → EXPIRED for every package whose hold has ended at `now`; returns how many.

    The door stays held until the package is taken out. In batches, each a transaction of its own, that
    step over what others have locked: two sweeps at once share the work, a killed one loses none.
    """
    expired = 0
    while True:
        begun = time.monotonic()
        count = _expire_batch(now=now, batch=batch)
        expired += count
        if count < batch:
            return expired
        time.sleep((time.monotonic() - begun) * REST)


@Operation
def _expire_batch(*, now: datetime, batch: int) -> int:
    rows = fetch(expiry.EXPIRE, {"now": now, "batch": batch, "by": SYSTEM.name})
    expired = int(rows[0].expired)
    if expired:
        transaction.on_commit(nudge, robust=True)
    if rows[0].announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    return expired
