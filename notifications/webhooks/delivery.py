"""Delivery of webhooks: many at once, each endpoint for itself.

Like delivery to people (claim under a lease, commit, send outside any transaction, write down at once), but
nobody can say how slow the receivers are: requests run in threads, the database stays with the thread that
called, and an endpoint that has not answered yet gets no more messages meanwhile.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import NamedTuple

from notifications.composing import Composed, compose
from notifications.delivery.leases import Batch, Clock
from notifications.delivery.retry import WEBHOOK_ATTEMPTS, webhook_delay
from notifications.delivery.runner import Counts, Runner
from notifications.errors import DeliveryError, public_reason
from notifications.messages import Message
from notifications.models import Notification
from notifications.webhooks import destinations
from notifications.webhooks.channel import WebhookChannel

THREADS = 64
BATCH_SIZE = 50
LOOK_AGAIN = 0.25  # seconds; while some requests are running, other messages may have become due


def deliver_webhooks(*, now: datetime | None = None, limit: int = 5000, seconds: float = 15.0) -> Counts:
    """Send due webhooks until none is due, or `limit` messages or `seconds` have passed.

    Then wait some seconds more for the requests that are still running. `now` stops the clock, for tests.
    Must not be called in a transaction. Raises only where the database itself fails, as `deliver_due` does.
    """
    ends = time.monotonic() + seconds
    while destinations.suppress_for_closed(Clock(now).now()):
        if time.monotonic() >= ends:
            break
    runner = WebhookRunner(now, limit, ends)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
        runner.run(pool)
    return runner.counts


class _Claimed(NamedTuple):
    """A claimed message and the batch whose lease it is under."""

    batch: Batch
    row: Notification


class WebhookRunner(Runner):
    """One call of `deliver_webhooks`."""

    max_attempts = WEBHOOK_ATTEMPTS

    def __init__(self, now: datetime | None, limit: int, ends: float) -> None:
        super().__init__(Counts())
        self._now = now
        self._limit = limit
        self._ends = ends
        self._channel = WebhookChannel()
        self._requests: dict[Future[str], _Claimed] = {}

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Claim and send, and record each result, until there is nothing more."""
        self._pool = pool
        while True:
            claimed = self._claim()
            for batch, row, composed in claimed:
                self.handle(batch, row, composed)
            if not claimed and not self._requests:
                return
            done, _ = wait(self._requests, LOOK_AGAIN, FIRST_COMPLETED)
            for future in done:
                self._finish(self._requests.pop(future), future)

    def _claim(self) -> list[tuple[Batch, Notification, Composed]]:
        if self.counts.claimed >= self._limit or time.monotonic() >= self._ends:
            self.counts.unfinished = True
            return []
        size = min(BATCH_SIZE, THREADS - len(self._requests), self._limit - self.counts.claimed)
        if size == 0:
            return []
        busy = {claimed.row.destination_id for claimed in self._requests.values()}
        # A new clock for each batch, because its lease counts from there.
        batch = destinations.claim(size, Clock(self._now), busy=busy)
        self.counts.claimed += len(batch.rows)
        composed = compose(batch.rows)
        if not batch.may_send(first=True):  # this process was stopped for a while
            self.counts.given_back += batch.give_back(batch.rows)
            return []
        return [(batch, row, composed[row.pk]) for row in batch.rows]

    def send(self, batch: Batch, row: Notification, message: Message) -> None:
        """Start the request in a thread of its own; `run` records what comes of it."""
        self._requests[self._pool.submit(self._channel.send, row, message)] = _Claimed(batch, row)

    def _finish(self, claimed: _Claimed, future: Future[str]) -> None:
        batch, row = claimed
        try:
            status = future.result()
        except DeliveryError as error:
            self._note(batch, row, error)
            self.refused(batch, row, [error])
        except Exception as error:  # noqa: BLE001 - a fault of ours: logged by `failed`
            self.failed(batch, row, error)
        else:
            self.sent(batch, row, status)
            if destinations.failures_before(row):
                destinations.succeeded(row.destination_id)

    def _note(self, batch: Batch, row: Notification, error: DeliveryError) -> None:
        reason, now = public_reason(str(error)), batch.clock.now()
        if error.gone:
            destinations.close(row.destination_id, f"The endpoint wants nothing more: {reason}", now=now)
        else:
            destinations.failed(row.destination_id, reason, now=now, retry_after=error.retry_after)

    def delay(self, attempts: int, retry_after: float | None) -> timedelta:
        """Return how long to wait: `retry.webhook_delay`."""
        return webhook_delay(attempts, retry_after=retry_after)

    def before_retry(self, batch: Batch, row: Notification, after: timedelta) -> None:
        """Put off the messages behind it in its queue as well."""
        destinations.put_back_followers(row, until=batch.clock.now() + after)

    def not_sent(self, batch: Batch, row: Notification) -> None:
        """End the endpoint's pause if this message was to be its probe."""
        if destinations.failures_before(row):
            destinations.end_pause(row.destination_id)
