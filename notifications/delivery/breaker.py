"""The circuit breaker of a provider: one that is down is not asked once per message.

It opens after `FAILURES_TO_OPEN` failures in a row, lets one probe through each `PROBE_EACH`, and closes
with the first success. Its row is shared by all workers. While those of all providers of a channel are open
no message loses an attempt, save the one that is the probe.
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
MOST_BROUGHT_FORWARD = 5000  # in one transaction, which has to end within the statement_timeout


class Breaker:
    """The breaker of one provider as it stands when a batch begins, and as this batch moves it."""

    def __init__(self, state: ChannelState) -> None:
        self.channel, self.provider = state.channel, state.provider
        self.is_open = state.opened_at is not None
        self._in_trouble = self.is_open or state.failures > 0
        self._probe_next_at: datetime | None = None  # as `take_probe` wrote it
        self._row = ChannelState.objects.filter(channel=self.channel, provider=self.provider)

    def take_probe(self, now: datetime) -> bool:
        """Whether the caller may send one message while it is open; of several callers one gets a yes."""
        self._probe_next_at = now + PROBE_EACH
        return bool(self._row.filter(next_probe_at__lte=now).update(next_probe_at=self._probe_next_at))

    def return_probe(self, now: datetime) -> None:
        """Give back a probe for which there was no message to send, if nobody has moved it since."""
        self._row.filter(opened_at__isnull=False, next_probe_at=self._probe_next_at).update(next_probe_at=now)

    def failed(self, error: str, *, now: datetime, retry_after: float | None = None) -> None:
        """Count one failure of the provider; an open one is left alone for `retry_after` seconds too."""
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
        """The provider has answered: it is alive."""
        if not self._in_trouble:  # no write for each message of a provider that works
            return
        close(self.channel, self.provider, now=now)
        if self.is_open:
            logger.warning("Provider %s of %s works again", self.provider, self.channel)
        self._in_trouble = self.is_open = False


def breakers(channel: str, providers: Sequence[str]) -> list[Breaker]:
    """Those of `providers`, in their order, as they stand now. New providers get a row, for staff to see."""
    states = {state.provider: state for state in ChannelState.objects.filter(channel=channel)}
    for provider in providers:
        if provider not in states:
            states[provider], _ = ChannelState.objects.get_or_create(channel=channel, provider=provider)
    return [Breaker(states[provider]) for provider in providers]


def close(channel: str, provider: str, *, now: datetime) -> None:
    """Let everything through by this provider again, and now what waits for a later try after a failure.

    What failed in an outage has been put off for longer each time, codes first; it is not to go out after all
    others, an hour later. After a long one the most urgent `MOST_BROUGHT_FORWARD` come now, and the others
    when they are due: that this breaker closes must not depend on how many they are. One transaction.
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
