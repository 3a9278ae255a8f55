"""Delivery: take what is due, send it outside any transaction, write each result down at once.

Any number of workers may deliver at the same time, and each may be killed at any point: at most the one
message that was on its way goes out a second time, and none is lost.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from notifications import quiet_hours
from notifications.channels.base import Channel
from notifications.channels.retry import delay
from notifications.composing import Composed, NotComposed, compose
from notifications.delivery import sms_limits
from notifications.delivery.fallback import fall_back, fall_back_here
from notifications.delivery.leases import Batch, Clock, claim
from notifications.delivery.providers import Route, Routes
from notifications.delivery.registry import CHANNELS
from notifications.errors import DeliveryError, public_reason
from notifications.messages import Message, Suppressed
from notifications.models import Notification, Status

logger = logging.getLogger(__name__)

BATCH_SIZE = 50


@dataclass
class Counts:
    """What one run did; `claimed` is the sum of all that follows it, but for a row claimed twice."""

    claimed: int = 0
    sent: int = 0
    retried: int = 0
    dead: int = 0
    suppressed: int = 0
    postponed: int = 0  # to the end of quiet hours
    given_back: int = 0  # not tried, for lack of time or because the channel was paused
    lost: int = 0  # the lease had run out; somebody else has the message now
    unfinished: bool = False  # the run stopped at its limit, and more may be due


def deliver_due(*, now: datetime | None = None, limit: int = 5000, seconds: float = 15.0) -> Counts:
    """Send what is due on every channel, until nothing is, or `limit` messages or `seconds` have passed.

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
    """Deliver up to `size` messages of one channel; answer whether there may be more."""
    clock = Clock(now)
    with Routes(channel_class) as routes:
        routes.take_probes(clock.now())
        if not routes.usable:
            return False
        batch = claim(channel_class.name, 1 if routes.only_probes else size, clock)
        counts.claimed += len(batch.rows)
        _Round(batch, routes, counts).run()
        routes.return_probes(clock.now())
    return bool(batch.rows)


class _Round:
    """One batch on its way out."""

    def __init__(self, batch: Batch, routes: Routes, counts: Counts) -> None:
        self.batch = batch
        self.routes = routes
        self.counts = counts

    def run(self) -> None:
        """Handle every row for which there is time, and a provider."""
        composed = compose(self.batch.rows)
        self._charge(composed)
        last = len(self.batch.rows) - 1
        for position, row in enumerate(self.batch.rows):
            in_time = self.batch.may_send(first=position == 0)
            # A probe may hang until its time-out: the more urgent ones go before it, by who works.
            probe = self.routes.probe_left and (position == last or not in_time)
            probe = probe and self.batch.may_send(first=True)
            if not (in_time or probe) or not self.routes.usable:
                self.counts.given_back += self.batch.give_back(self.batch.rows[position:])
                break
            self._handle(row, composed[row.pk], probe=probe)

    def _charge(self, composed: dict[int, Composed]) -> None:
        sms = [row for row in self.batch.rows if row.channel == "sms"]
        if sms:
            composed.update(sms_limits.charge(self.batch, self._to_send_now(composed)))

    def _handle(self, row: Notification, composed: Composed, *, probe: bool) -> None:
        if row.attempts > settings.NOTIFICATION_MAX_ATTEMPTS:
            self._die(row, f"Given up: the worker was lost at each of {row.attempts - 1} attempts")
        elif isinstance(composed, Suppressed):
            self._suppress(row, composed)
        elif isinstance(composed, NotComposed):
            self._try_again(row, composed.reason)
        elif until := self._quiet_until(composed):
            held = self.batch.postpone(row, quiet_hours.WAITS, until=until)
            self._count("postponed", held=held)
        else:
            self._send(row, composed, probe=probe)

    def _to_send_now(self, composed: dict[int, Composed]) -> dict[int, Message]:
        return {
            pk: answer
            for pk, answer in composed.items()
            if isinstance(answer, Message) and not self._quiet_until(answer)
        }

    def _quiet_until(self, message: Message) -> datetime | None:
        hours = message.quiet_hours
        return hours.over_at(self.batch.clock.now()) if hours is not None else None

    def _send(self, row: Notification, message: Message, *, probe: bool) -> None:
        """Offer it to one provider after the other, until one has taken it or refuses this very message."""
        tried: list[Route] = []
        refusals: list[DeliveryError] = []
        while route := self._next(tried, probe=probe):
            tried.append(route)
            try:
                provider_id = route.send(row, message)
            except DeliveryError as error:
                refusals.append(error)
                self._note(route, error)
                if not error.channel_failed:
                    break
            except Exception as error:
                # A fault of ours, as a broken template: not the provider's, and perhaps mended today.
                logger.exception("Notification %d could not be sent", row.pk)
                self._try_again(row, f"{type(error).__name__} while sending")
                return
            else:
                self._count("sent", held=self.batch.sent(row, provider_id, provider=route.provider))
                route.breaker.succeeded(now=self.batch.clock.now())
                return
        self._refused(row, refusals)

    def _next(self, tried: list[Route], *, probe: bool) -> Route | None:
        """Who is asked next, if there is time for one more before the lease ends."""
        if tried and not self.batch.may_send(first=True):
            return None
        return self.routes.choose(probe=probe, tried=tried)

    def _note(self, route: Route, error: DeliveryError) -> None:
        now = self.batch.clock.now()
        if error.channel_failed:
            route.breaker.failed(public_reason(str(error)), now=now, retry_after=error.retry_after)
        else:
            route.breaker.succeeded(now=now)

    def _refused(self, row: Notification, refusals: list[DeliveryError]) -> None:
        reason = public_reason(str(refusals[-1]))
        if refusals[-1].permanent:
            self._die(row, reason)
        else:
            self._try_again(row, reason, retry_after=max(error.retry_after or 0.0 for error in refusals))

    def _try_again(self, row: Notification, reason: str, retry_after: float | None = None) -> None:
        if row.attempts >= settings.NOTIFICATION_MAX_ATTEMPTS:
            self._die(row, f"Given up after {row.attempts} attempts: {reason}")
            return
        after = delay(row.attempts, retry_after=retry_after)
        self._count("retried", held=self.batch.retry(row, reason, after=after))

    def _suppress(self, row: Notification, composed: Suppressed) -> None:
        then = fall_back if composed.limited else fall_back_here if composed.unwanted else None
        held = self.batch.end(row, Status.SUPPRESSED, composed.reason, then=then)
        self._count("suppressed", held=held)

    def _die(self, row: Notification, reason: str) -> None:
        logger.warning("Notification %d (%s by %s) is dead: %s", row.pk, row.kind, row.channel, reason)
        self._count("dead", held=self.batch.end(row, Status.DEAD, reason, then=fall_back))

    def _count(self, result: str, *, held: bool) -> None:
        name = result if held else "lost"
        setattr(self.counts, name, getattr(self.counts, name) + 1)
