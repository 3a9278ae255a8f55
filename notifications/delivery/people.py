"""Delivery to people: claim what is due, send it outside any transaction, record each result at once.

Any number of workers may deliver at the same time, and each may be killed at any point: at most the one
message that was being sent is sent a second time, and none is lost.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.conf import settings

from notifications import quiet_hours
from notifications.composing import Composed, compose
from notifications.delivery import retry
from notifications.delivery.channel import Channel
from notifications.delivery.fallback import fall_back, fall_back_here
from notifications.delivery.leases import Batch, Clock, Then, claim
from notifications.delivery.providers import Route, Routes
from notifications.delivery.registry import CHANNELS
from notifications.delivery.runner import Counts, Runner
from notifications.errors import DeliveryError, public_reason
from notifications.messages import Message, Suppressed
from notifications.models import Notification

BATCH_SIZE = 50


def deliver_due(*, now: datetime | None = None, limit: int = 5000, seconds: float = 15.0) -> Counts:
    """Send what is due on every channel until nothing is, or `limit` messages or `seconds` have passed.

    `now` stops the clock, for tests; otherwise it is the database's. Must not be called in a transaction.
    Raises only where the database itself fails; what was claimed then comes back when its lease ends.
    """
    counts = Counts()
    ends = time.monotonic() + seconds
    busy = list(CHANNELS.values())
    while busy:
        for channel_class in tuple(busy):
            room = limit - counts.claimed
            if room <= 0 or time.monotonic() >= ends:
                counts.unfinished = True
                return counts
            if not _deliver_batch(channel_class, min(room, BATCH_SIZE), now, counts):
                busy.remove(channel_class)
    return counts


def _deliver_batch(channel_class: type[Channel], size: int, now: datetime | None, counts: Counts) -> bool:
    """Deliver up to `size` messages of one channel; return whether there may be more."""
    clock = Clock(now)
    with Routes(channel_class) as routes:
        routes.take_probes(clock.now())
        if not routes.usable:
            return False
        batch = claim(channel_class.name, 1 if routes.only_probes else size, clock)
        counts.claimed += len(batch.rows)
        BatchRunner(routes, counts).run(batch)
        routes.return_probes(clock.now())
    return bool(batch.rows)


class BatchRunner(Runner):
    """Sends one batch by the providers of its channel, one message after the other."""

    def __init__(self, routes: Routes, counts: Counts) -> None:
        super().__init__(counts)
        self.max_attempts = settings.NOTIFICATION_MAX_ATTEMPTS
        self.routes = routes
        self._probe = False  # whether the message in hand is the probe of a provider that is paused

    def run(self, batch: Batch) -> None:
        """Handle every message for which there is time, and a provider."""
        composed = compose(batch.rows)
        self._charge(batch, composed)
        last = len(batch.rows) - 1
        for position, row in enumerate(batch.rows):
            in_time = batch.may_send(first=position == 0)
            # A probe may hang until its timeout, so messages that are more urgent go before it.
            probe = self.routes.probe_left and (position == last or not in_time)
            self._probe = probe and batch.may_send(first=True)
            if not (in_time or self._probe) or not self.routes.usable:
                self.counts.given_back += batch.give_back(batch.rows[position:])
                break
            self.handle(batch, row, composed[row.pk])

    def _charge(self, batch: Batch, composed: dict[int, Composed]) -> None:
        composed.update(self.routes.channel_class.charge(batch, self._to_send_now(batch, composed)))

    def _to_send_now(self, batch: Batch, composed: dict[int, Composed]) -> dict[int, Message]:
        return {
            pk: message
            for pk, message in composed.items()
            if isinstance(message, Message) and not self._quiet_until(batch, message)
        }

    def _quiet_until(self, batch: Batch, message: Message) -> datetime | None:
        hours = message.quiet_hours
        return hours.over_at(batch.clock.now()) if hours is not None else None

    def send(self, batch: Batch, row: Notification, message: Message) -> None:
        """Offer it to one provider after the other, until one takes it or refuses this very message.

        In its quiet hours it is put off instead.
        """
        if until := self._quiet_until(batch, message):
            self.count("postponed", recorded=batch.postpone(row, quiet_hours.WAITS, until=until))
            return
        tried: list[Route] = []
        refusals: list[DeliveryError] = []
        while route := self._next(batch, tried):
            tried.append(route)
            try:
                provider_id = route.send(row, message)
            except DeliveryError as error:
                refusals.append(error)
                self._note(batch, route, error)
                if not error.channel_failed:
                    break
            except Exception as error:  # noqa: BLE001 - such as a broken template: logged by `failed`
                self.failed(batch, row, error)
                return
            else:
                self.sent(batch, row, provider_id, provider=route.provider)
                route.breaker.succeeded(now=batch.clock.now())
                return
        self.refused(batch, row, refusals)

    def _next(self, batch: Batch, tried: list[Route]) -> Route | None:
        """Return the provider to ask next, if there is time for one more before the lease ends."""
        if tried and not batch.may_send(first=True):
            return None
        return self.routes.choose(probe=self._probe, tried=tried)

    def _note(self, batch: Batch, route: Route, error: DeliveryError) -> None:
        now = batch.clock.now()
        if error.channel_failed:
            route.breaker.failed(public_reason(str(error)), now=now, retry_after=error.retry_after)
        else:
            route.breaker.succeeded(now=now)

    def delay(self, attempts: int, retry_after: float | None) -> timedelta:
        """Return how long to wait: `retry.delay`."""
        return retry.delay(attempts, retry_after=retry_after)

    def after_dead(self) -> Then:
        """Send the message by another channel."""
        return fall_back

    def after_suppressed(self, composed: Suppressed) -> Then | None:
        """Send the message by another channel where only this one is not to bring it."""
        return fall_back if composed.limited else fall_back_here if composed.unwanted else None
