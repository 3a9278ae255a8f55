"""Delivery to webhooks: many at once, each destination for itself.

As `delivery.py` does it (claim under a lease, commit, send outside any transaction, write down at once), but
for receivers of whom nobody can say how slow they are: requests run in threads, the database stays with the
thread that called, and a destination that is being waited for gets no more messages meanwhile.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

from notifications.channels.retry import WEBHOOK_ATTEMPTS, webhook_delay
from notifications.composing import Composed, NotComposed, compose
from notifications.delivery.email_and_sms import Counts
from notifications.delivery.leases import Batch, Clock
from notifications.errors import DeliveryError, public_reason
from notifications.messages import Suppressed
from notifications.models import Notification, Status
from notifications.webhooks import destinations
from notifications.webhooks.channel import WebhookChannel

logger = logging.getLogger(__name__)

THREADS = 64
BATCH_SIZE = 50
LOOK_AGAIN = 0.25  # seconds; while some are waited for, others may have become due


def deliver_webhooks(*, now: datetime | None = None, limit: int = 5000, seconds: float = 15.0) -> Counts:
    """Send what is due to webhooks, until nothing is, or `limit` messages or `seconds` have passed.

    Then what is on its way is waited for, some seconds more. `now` stops the clock, for tests. Must not be
    called in a transaction. Raises only where the database itself fails, as `deliver_due` does.
    """
    run = _Run(now, limit, time.monotonic() + seconds)
    while destinations.end_what_waits_for_closed(run.clock().now()):
        if time.monotonic() >= run.ends:
            break
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
        run.run(pool)
    return run.counts


@dataclass(frozen=True)
class _Flight:
    """A message in our hands, the batch whose lease it has, and its destination's failures until then."""

    row: Notification
    batch: Batch
    failures_before: int


class _Run:
    """One call of `deliver_webhooks`."""

    def __init__(self, now: datetime | None, limit: int, ends: float) -> None:
        self.counts = Counts()
        self.ends = ends
        self._now = now
        self._limit = limit
        self._channel = WebhookChannel()
        self._flying: dict[Future[str], _Flight] = {}

    def clock(self) -> Clock:
        """A new one for each batch: its lease counts from there."""
        return Clock(self._now)

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Claim and send, write down what comes back, until there is nothing more."""
        while True:
            claimed = self._claim()
            for flight, composed in claimed:
                self._begin(pool, flight, composed)
            if not claimed and not self._flying:
                return
            done, _ = wait(self._flying, LOOK_AGAIN, FIRST_COMPLETED)
            for future in done:
                self._land(self._flying.pop(future), future)

    def _claim(self) -> list[tuple[_Flight, Composed]]:
        if self.counts.claimed >= self._limit or time.monotonic() >= self.ends:
            self.counts.unfinished = True
            return []
        size = min(BATCH_SIZE, THREADS - len(self._flying), self._limit - self.counts.claimed)
        if size == 0:
            return []
        busy = {flight.row.subject for flight in self._flying.values()}
        batch, failures = destinations.claim(size, self.clock(), busy=busy)
        self.counts.claimed += len(batch.rows)
        composed = compose(batch.rows)
        if not batch.may_send(first=True):  # this process was stopped for a while
            self.counts.given_back += batch.give_back(batch.rows)
            return []
        return [(_Flight(row, batch, failures.get(row.subject, 0)), composed[row.pk]) for row in batch.rows]

    def _begin(self, pool: ThreadPoolExecutor, flight: _Flight, composed: Composed) -> None:
        row = flight.row
        if row.attempts > WEBHOOK_ATTEMPTS:
            self._die(flight, f"Given up: the worker was lost at each of {row.attempts - 1} attempts")
        elif isinstance(composed, Suppressed):
            self._count("suppressed", held=flight.batch.end(row, Status.SUPPRESSED, composed.reason))
        elif isinstance(composed, NotComposed):
            self._try_again(flight, composed.reason)
        else:
            self._flying[pool.submit(self._channel.send, row, composed)] = flight
            return
        if flight.failures_before:
            destinations.hurry(row.subject)  # it was to be the probe

    def _land(self, flight: _Flight, future: Future[str]) -> None:
        row = flight.row
        try:
            status = future.result()
        except DeliveryError as error:
            self._refused(flight, error)
        except Exception as error:
            logger.exception("Notification %d could not be sent", row.pk)
            self._try_again(flight, f"{type(error).__name__} while sending")
        else:
            self._count("sent", held=flight.batch.sent(row, status))
            if flight.failures_before:
                destinations.succeeded(row.subject)

    def _refused(self, flight: _Flight, error: DeliveryError) -> None:
        reason, now = public_reason(str(error)), flight.batch.clock.now()
        if error.gone:
            destinations.close(flight.row.subject, f"The endpoint wants nothing more: {reason}", now=now)
        else:
            destinations.failed(flight.row.subject, reason, now=now, retry_after=error.retry_after)
        if error.permanent:
            self._die(flight, reason)
        else:
            self._try_again(flight, reason, error.retry_after)

    def _try_again(self, flight: _Flight, reason: str, retry_after: float | None = None) -> None:
        row = flight.row
        if row.attempts >= WEBHOOK_ATTEMPTS:
            self._die(flight, f"Given up after {row.attempts} attempts: {reason}")
            return
        after = webhook_delay(row.attempts, retry_after=retry_after)
        destinations.put_back_followers(row, until=flight.batch.clock.now() + after)
        self._count("retried", held=flight.batch.retry(row, reason, after=after))

    def _die(self, flight: _Flight, reason: str) -> None:
        row = flight.row
        logger.warning("Notification %d (%s by webhook) is dead: %s", row.pk, row.kind, reason)
        self._count("dead", held=flight.batch.end(row, Status.DEAD, reason))

    def _count(self, result: str, *, held: bool) -> None:
        name = result if held else "lost"
        setattr(self.counts, name, getattr(self.counts, name) + 1)
