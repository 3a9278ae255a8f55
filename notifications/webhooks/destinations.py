"""The endpoints of webhooks: claim their messages fairly, pause those that fail, and close those given up on.

An endpoint that fails is asked less and less often and delays no other; what waits for it loses no attempt
meanwhile, except for the message that is the probe. An endpoint that has failed for days is closed, and so is
one that says that it wants no more messages.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from notifications.delivery.leases import LEASE, Batch, Clock
from notifications.delivery.retry import WEBHOOK_LONGEST
from notifications.models import Destination, Notification, Status
from notifications.sql import webhooks

logger = logging.getLogger(__name__)

AT_ONCE = 4  # concurrent requests to one endpoint
FAILURES_TO_PAUSE = 3
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(days=5)
FAILURES_TO_GIVE_UP = 10


def claim(size: int, clock: Clock, *, busy: Collection[str]) -> Batch:
    """Claim up to `size` due messages of all endpoints but `busy`, committed as this worker's for `LEASE`.

    Each message knows the `failures_before` of its endpoint.
    """
    batch, now = Batch(clock), clock.now()
    parameters = {
        "size": size,
        "now": now,
        "token": batch.token,
        "leased_until": now + LEASE,
        "busy": list(busy),
        "at_once": AT_ONCE,
        "failures_to_pause": FAILURES_TO_PAUSE,
    }
    with transaction.atomic(durable=True):  # it must be committed before anything is sent
        batch.rows = list(Notification.objects.raw(webhooks.CLAIM, parameters))
    return batch


def failures_before(row: Notification) -> int:
    """Return how often in a row the endpoint of a claimed message had failed when it was claimed."""
    return int(getattr(row, "failures_before", 0))


def suppress_for_closed(now: datetime, *, size: int = 500) -> int:
    """Suppress up to `size` messages to closed endpoints, with the reason of the closing; return how many."""
    with transaction.atomic(durable=True):
        return len(list(Notification.objects.raw(webhooks.END, {"now": now, "size": size})))


def put_back_followers(row: Notification, *, until: datetime) -> None:
    """Put off the messages behind `row` in its queue: they cannot go before it, and no claim should look."""
    if row.queue:
        behind = Notification.objects.to_destination(row.destination_id).filter(queue=row.queue)
        behind.filter(pk__gt=row.pk, status=Status.PENDING, next_attempt_at__lt=until).update(
            next_attempt_at=until
        )


def succeeded(destination_id: str) -> None:
    """Record that the endpoint accepts messages again; call it only after failures, to save writes."""
    Destination.objects.filter(pk=destination_id, failures__gt=0).update(
        failures=0, failing_since=None, paused_until=None, last_error=""
    )


def failed(destination_id: str, error: str, *, now: datetime, retry_after: float | None = None) -> None:
    """Count a failure; pause the endpoint for as long as it asks, or ever longer; close it after days."""
    with transaction.atomic():
        state = (
            Destination.objects.select_for_update().filter(pk=destination_id, closed_at__isnull=True).first()
        )
        if state is None:
            return
        state.failures += 1
        state.failing_since = state.failing_since or now
        state.last_error = error
        pause = timedelta(seconds=min(retry_after or 0.0, WEBHOOK_LONGEST))
        if state.failures >= FAILURES_TO_PAUSE:
            doublings = min(state.failures - FAILURES_TO_PAUSE, 10)
            pause = max(pause, min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE) * random.uniform(0.5, 1))  # noqa: S311
        state.paused_until = now + pause if pause else state.paused_until
        state.save()
        if state.failures >= FAILURES_TO_GIVE_UP and now - state.failing_since >= GIVEN_UP_AFTER:
            close(destination_id, f"No success for {GIVEN_UP_AFTER.days} days; last error: {error}", now=now)


def close(destination_id: str, reason: str, *, now: datetime) -> bool:
    """Close the endpoint, so that what waits for it is suppressed; return whether it was open."""
    closed = Destination.objects.filter(pk=destination_id, closed_at__isnull=True).update(
        closed_at=now, closed_reason=reason
    )
    if closed:
        logger.warning("Endpoint %s is closed: %s", destination_id, reason)
    return bool(closed)


def reopen(destination_id: str, *, now: datetime) -> bool:
    """Open the endpoint again; return whether it was closed. What was suppressed meanwhile stays so."""
    closed = Destination.objects.filter(pk=destination_id, closed_at__isnull=False)
    return bool(
        closed.update(
            closed_at=None,
            closed_reason="",
            failures=0,
            failing_since=None,
            paused_until=None,
            last_error="",
            opened_at=now,
        )
    )


def end_pause(destination_id: str) -> None:
    """End the pause of the endpoint, for a message that is to go at once or a probe that was not sent."""
    Destination.objects.filter(pk=destination_id).update(paused_until=None)


def bring_forward(destination_id: str) -> None:
    """End the pause and try now what waits for a later attempt: someone says that it works again."""
    end_pause(destination_id)
    waiting = Notification.objects.to_destination(destination_id).filter(status=Status.PENDING)
    waiting.filter(next_attempt_at__gt=Now()).update(next_attempt_at=Now())
