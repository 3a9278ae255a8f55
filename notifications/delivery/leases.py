"""Claim due messages for one worker, and record what became of them.

A claim is committed before anything is sent. The worker owns its rows until the lease ends; then any worker
may claim them, so that a killed worker loses nothing. Everything that the worker writes later is guarded by
the token of the lease: a worker that no longer owns it changes nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from common.clock import database_now
from notifications.errors import storable
from notifications.models import Notification, Status
from notifications.sql import people

LEASE = timedelta(seconds=60)
SEND_LIMIT = 30.0  # seconds; the longest that one send may take, with the timeouts of the channels
BATCH_SECONDS = 2.0  # a batch takes no longer, or a new code would wait behind its reminders
RECORD_WAIT = 0.5  # seconds between attempts to record a result while the database is down
Then = Callable[[Notification], object]


class Clock:
    """The database's time, read once and then advanced by this machine's monotonic clock.

    A worker whose own clock is wrong thus sends neither early nor late. `fixed` stops it, for tests.
    """

    def __init__(self, fixed: datetime | None = None) -> None:
        self._fixed = fixed
        self._started = time.monotonic()
        self._base = fixed or database_now()

    def now(self) -> datetime:
        """Return the current time."""
        return self._fixed or self._base + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        """Return the real seconds since this clock was created, including those of a stopped process."""
        return time.monotonic() - self._started


@dataclass
class Batch:
    """Messages of one channel under one lease; its methods return whether the lease was still owned."""

    clock: Clock
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    rows: list[Notification] = field(default_factory=list)

    def may_send(self, *, first: bool) -> bool:
        """Return whether there is time to send one more message, and to record it, before the lease ends."""
        return self.clock.elapsed() < (LEASE.total_seconds() - SEND_LIMIT if first else BATCH_SECONDS)

    def sent(self, row: Notification, provider_id: str, *, provider: str = "") -> bool:
        """Record that the provider has accepted the message as `provider_id`."""
        identity = storable(provider_id)[:200]
        sent_at = self.clock.now()
        return self._insist(lambda: _write(people.SENT, sent_at, provider, identity, row.pk, self.token))

    def retry(self, row: Notification, reason: str, *, after: timedelta) -> bool:
        """Make the message pending again, for another attempt."""
        return self._record(
            row, status=Status.PENDING, reason=reason, next_attempt_at=self.clock.now() + after
        )

    def postpone(self, row: Notification, reason: str, *, until: datetime) -> bool:
        """Put the message off; nobody has tried to send it, so it loses no attempt."""
        return self._record(
            row,
            status=Status.PENDING,
            reason=reason,
            next_attempt_at=until,
            attempts=F("attempts") - 1,
        )

    def end(self, row: Notification, status: Status, reason: str, *, then: Then | None = None) -> bool:
        """Record that it is dead or suppressed; call `then` in the same transaction if the lease is owned."""
        return self._record(row, then, status=status, reason=reason)

    def give_back(self, rows: Sequence[Notification]) -> int:
        """Release `rows`, which nobody has tried to send, to other workers; they lose no attempt."""
        return Notification.objects.filter(pk__in=[row.pk for row in rows], lease_token=self.token).update(
            status=Status.PENDING, lease_token=None, leased_until=None, attempts=F("attempts") - 1
        )

    def _record(self, row: Notification, then: Then | None = None, **fields: object) -> bool:
        owned = Notification.objects.filter(pk=row.pk, lease_token=self.token)
        fields |= {"lease_token": None, "leased_until": None}

        def write() -> bool:
            if then is None:
                return bool(owned.update(**fields))
            with transaction.atomic():
                recorded = bool(owned.update(**fields))
                if recorded:
                    then(row)
            return recorded

        return self._insist(write)

    def _insist(self, write: Callable[[], bool]) -> bool:
        while True:
            try:
                return write()
            except (OperationalError, InterfaceError):
                # The message has been sent, and would be sent again if that were not recorded. A database
                # that restarts is back long before the lease ends.
                if connection.in_atomic_block or self.clock.elapsed() > LEASE.total_seconds():
                    raise
                connection.close()
                time.sleep(RECORD_WAIT)


def claim(channel: str, size: int, clock: Clock) -> Batch:
    """Claim up to `size` due messages of `channel` for `LEASE`, the most urgent first, and commit."""
    batch = Batch(clock)
    now = clock.now()
    parameters = {
        "channel": channel,
        "size": size,
        "now": now,
        "token": batch.token,
        "leased_until": now + LEASE,
    }
    with transaction.atomic(durable=True):  # it must be committed before anything is sent
        batch.rows = list(Notification.objects.raw(people.CLAIM, parameters))
    batch.rows.sort(key=lambda row: (row.priority, row.next_attempt_at, row.pk))
    return batch


def _write(statement: str, *values: str | int | datetime | uuid.UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount)
