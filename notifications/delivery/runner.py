"""What deliveries to people and to webhooks share: record and count what becomes of a claimed message.

A delivery claims messages under a lease, has them composed, and hands each to a `Runner`. The subclasses say
how a message is sent, and what else happens when it ends or is tried again.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from notifications.composing import Composed, NotComposed
from notifications.delivery.leases import Batch, Then
from notifications.errors import DeliveryError, public_reason
from notifications.messages import Message, Suppressed
from notifications.models import Notification, Status

logger = logging.getLogger(__name__)


@dataclass
class Counts:
    """What one run did; `claimed` is the sum of all that follows it, but for a message claimed twice."""

    claimed: int = 0
    sent: int = 0
    retried: int = 0
    dead: int = 0
    suppressed: int = 0
    postponed: int = 0  # to the end of quiet hours
    given_back: int = 0  # not tried, for lack of time or because the channel was paused
    lost: int = 0  # the lease had run out; another worker has the message now
    unfinished: bool = False  # the run stopped at its limit, and more may be due


class Runner(ABC):
    """Decides what becomes of each claimed message, writes it down and counts it."""

    max_attempts: int

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def handle(self, batch: Batch, row: Notification, composed: Composed) -> None:
        """Send the message, or record why it is not sent."""
        if row.attempts > self.max_attempts:
            self.give_up(batch, row, f"Given up: the worker was lost at each of {row.attempts - 1} attempts")
        elif isinstance(composed, Suppressed):
            recorded = batch.end(
                row, Status.SUPPRESSED, composed.reason, then=self.after_suppressed(composed)
            )
            self.count("suppressed", recorded=recorded)
        elif isinstance(composed, NotComposed):
            self.try_again(batch, row, composed.reason)
        else:
            self.send(batch, row, composed)
            return
        self.not_sent(batch, row)

    @abstractmethod
    def send(self, batch: Batch, row: Notification, message: Message) -> None:
        """Send the message, and report what came of it to `sent`, `refused` or `failed`."""

    @abstractmethod
    def delay(self, attempts: int, retry_after: float | None) -> timedelta:
        """Return how long to wait after the failure of attempt number `attempts`."""

    def sent(self, batch: Batch, row: Notification, provider_id: str, *, provider: str = "") -> None:
        """Record that a provider has taken the message."""
        self.count("sent", recorded=batch.sent(row, provider_id, provider=provider))

    def refused(self, batch: Batch, row: Notification, refusals: Sequence[DeliveryError]) -> None:
        """Give the message up if the last refusal is permanent; otherwise try it again later."""
        reason = public_reason(str(refusals[-1]))
        if refusals[-1].permanent:
            self.give_up(batch, row, reason)
        else:
            retry_after = max(error.retry_after or 0.0 for error in refusals)
            self.try_again(batch, row, reason, retry_after=retry_after)

    def failed(self, batch: Batch, row: Notification, error: Exception) -> None:
        """Try a message again that a fault of ours kept from being sent, as faults get fixed."""
        logger.error("Notification %d could not be sent", row.pk, exc_info=error)
        self.try_again(batch, row, f"{type(error).__name__} while sending")

    def try_again(
        self, batch: Batch, row: Notification, reason: str, *, retry_after: float | None = None
    ) -> None:
        """Put the message off, or give it up after its last attempt."""
        if row.attempts >= self.max_attempts:
            self.give_up(batch, row, f"Given up after {row.attempts} attempts: {reason}")
            return
        after = self.delay(row.attempts, retry_after)
        self.before_retry(batch, row, after)
        self.count("retried", recorded=batch.retry(row, reason, after=after))

    def give_up(self, batch: Batch, row: Notification, reason: str) -> None:
        """Record that the message is dead."""
        logger.warning("Notification %d (%s by %s) is dead: %s", row.pk, row.kind, row.channel, reason)
        self.count("dead", recorded=batch.end(row, Status.DEAD, reason, then=self.after_dead()))

    def count(self, result: str, *, recorded: bool) -> None:
        """Count one message under `result`, or as lost if its lease had run out before it was recorded."""
        name = result if recorded else "lost"
        setattr(self.counts, name, getattr(self.counts, name) + 1)

    def after_dead(self) -> Then | None:
        """Return what to do in the transaction in which a message becomes dead."""
        return None

    def after_suppressed(self, composed: Suppressed) -> Then | None:
        """Return what to do in the transaction in which a message is suppressed."""
        return None

    def before_retry(self, batch: Batch, row: Notification, after: timedelta) -> None:  # noqa: B027
        """Prepare for the message's next attempt, `after` from now."""

    def not_sent(self, batch: Batch, row: Notification) -> None:  # noqa: B027
        """React to a message for which there was nothing to send."""
