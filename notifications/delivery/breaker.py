"""The circuit breaker of a provider, so that one that is down is not called for every message.

It opens after `FAILURES_TO_OPEN` consecutive failures, lets one probe through every `PROBE_EACH`, and closes
at the first success. Its row is shared by all workers. While the breakers of all providers of a channel are
open, no message loses an attempt except the probe.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from notifications.delivery.retry import LONGEST
from notifications.models import ChannelState, Notification, Status

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN = 5
PROBE_EACH = timedelta(seconds=30)
MOST_BROUGHT_FORWARD = 5000  # in one transaction, which must end within the statement_timeout


class Breaker:
    """The breaker of one provider, as it is when a batch begins and as this batch changes it."""

    def __init__(self, state: ChannelState) -> None:
        self.channel, self.provider = state.channel, state.provider
        self.is_open = state.opened_at is not None
        self._in_trouble = self.is_open or state.failures > 0
        self._probe_next_at: datetime | None = None  # as `take_probe` wrote it
        self._row = ChannelState.objects.filter(channel=self.channel, provider=self.provider)

    def take_probe(self, now: datetime) -> bool:
        """Return whether this caller, and no other, may send one message while it is open."""
        self._probe_next_at = now + PROBE_EACH
        return bool(self._row.filter(next_probe_at__lte=now).update(next_probe_at=self._probe_next_at))

    def return_probe(self, now: datetime) -> None:
        """Give back a probe for which there was no message, unless it has been changed since."""
        self._row.filter(opened_at__isnull=False, next_probe_at=self._probe_next_at).update(next_probe_at=now)

    def failed(self, error: str, *, now: datetime, retry_after: float | None = None) -> None:
        """Count a failure; an open breaker allows no probe for `retry_after` seconds either."""
        with transaction.atomic():
            ChannelState.objects.get_or_create(channel=self.channel, provider=self.provider)
            state = self._row.select_for_update().get()
            state.failures += 1
            state.last_error = error
            if state.failures >= FAILURES_TO_OPEN:
                pause = max(PROBE_EACH, timedelta(seconds=min(retry_after or 0.0, LONGEST)))
                state.opened_at = state.opened_at or now
                state.next_probe_at = max(state.next_probe_at or now, now + pause)
            state.save()
        if state.opened_at is not None and not self.is_open:
            logger.warning(
                "Provider %s of %s is paused after %d failures: %s",
                self.provider,
                self.channel,
                state.failures,
                error,
            )
        self._in_trouble = True
        self.is_open = state.opened_at is not None

    def succeeded(self, *, now: datetime) -> None:
        """Close the breaker: the provider has answered."""
        if not self._in_trouble:  # saves a write for each message of a working provider
            return
        close(self.channel, self.provider, now=now)
        if self.is_open:
            logger.warning("Provider %s of %s works again", self.provider, self.channel)
        self._in_trouble = self.is_open = False


def breakers(channel: str, providers: Sequence[str]) -> list[Breaker]:
    """Return the breakers of `providers`, in that order. New providers get a row, for staff to see."""
    states = {state.provider: state for state in ChannelState.objects.filter(channel=channel)}
    for provider in providers:
        if provider not in states:
            states[provider], _ = ChannelState.objects.get_or_create(channel=channel, provider=provider)
    return [Breaker(states[provider]) for provider in providers]


def close(channel: str, provider: str, *, now: datetime) -> None:
    """Close a breaker, and try at once the messages that wait for another attempt after a failure.

    Messages that failed during an outage were put off longer each time; without this they would go out up to
    an hour after all others, although they include codes. After a long outage only the most urgent
    `MOST_BROUGHT_FORWARD` are brought forward, so that closing never takes too long. One transaction.
    """
    state = ChannelState.objects.filter(channel=channel, provider=provider)
    with transaction.atomic():
        if state.filter(opened_at__isnull=False).update(failures=0, opened_at=None, next_probe_at=None):
            waiting = Notification.objects.filter(
                channel=channel, status=Status.PENDING, attempts__gt=0, next_attempt_at__gt=now
            )
            first = waiting.order_by("priority", "next_attempt_at").select_for_update(skip_locked=True)
            ids = list(first.values_list("pk", flat=True)[:MOST_BROUGHT_FORWARD])
            Notification.objects.filter(pk__in=ids).update(next_attempt_at=now)
        else:
            state.update(failures=0)
