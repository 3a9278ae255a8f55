"""Remind recipients before the hold period of their packages ends."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.db import transaction

from common.operation import Step, Sweep
from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks
from packages_app.sql.reminders import REMIND

BATCH = 200
REST = 1.0  # times as long as the batch took; see `expire_due`


@Sweep
def remind_due(*, now: datetime, batch: int = BATCH) -> int:
    """Remind recipients whose hold period ends soon, and tell couriers' webhooks; return how many packages.

    At the location's `reminder_hours` and `reminder_last_hours` before the end, each once in a hold period:
    an extension begins a new one. Nobody is reminded of what they were told within the hour before, of a
    package on hold, or while the deadlines of a location are paused. Each batch is a transaction of its
    own and skips rows that others have locked.
    """
    reminded: int = 0
    ends_from = now
    while True:
        begun = time.monotonic()
        done = _remind_batch(now=now, batch=batch, ends_from=ends_from)
        reminded += done.reminded
        if done.marked < batch:
            return reminded
        ends_from = done.ends_until
        time.sleep((time.monotonic() - begun) * REST)


@Step
def _remind_batch(*, now: datetime, batch: int, ends_from: datetime) -> Any:
    (row,) = fetch(REMIND, {"now": now, "batch": batch, "ends_from": ends_from})
    if row.reminded:
        transaction.on_commit(nudge, robust=True)
    if row.announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    return row
