"""The circuit breaker of a channel: a provider that is down is not asked once per message.

It opens after `FAILURES_TO_OPEN` failures in a row, lets one probe through each `PROBE_EACH`, and closes
with the first success. Its row is shared by all workers. While it is open no message loses an attempt,
save the one that is the probe.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction

from notifications.models import ChannelState
from notifications.retry import LONGEST

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN = 5
PROBE_EACH = timedelta(seconds=30)


class Breaker:
    """The breaker of `channel` as it stands when a batch begins, and as this batch moves it."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        state = ChannelState.objects.filter(channel=channel).first()
        self.is_open = state is not None and state.opened_at is not None
        self._in_trouble = state is not None and (self.is_open or state.failures > 0)

    def take_probe(self, now: datetime) -> bool:
        """Whether the caller may send one message on an open channel; of several callers one gets a yes."""
        due = ChannelState.objects.filter(channel=self.channel, next_probe_at__lte=now)
        return bool(due.update(next_probe_at=now + PROBE_EACH))

    def return_probe(self, now: datetime) -> None:
        """Give back a probe for which there was no message to send."""
        ChannelState.objects.filter(channel=self.channel, opened_at__isnull=False).update(next_probe_at=now)

    def failed(self, error: str, *, now: datetime, retry_after: float | None = None) -> None:
        """Count one failure of the provider; an open channel is left alone for `retry_after` seconds too."""
        with transaction.atomic():
            ChannelState.objects.get_or_create(channel=self.channel)
            state = ChannelState.objects.select_for_update().get(channel=self.channel)
            state.failures += 1
            state.last_error = error
            if state.failures >= FAILURES_TO_OPEN:
                pause = max(PROBE_EACH, timedelta(seconds=min(retry_after or 0.0, LONGEST)))
                state.opened_at = state.opened_at or now
                state.next_probe_at = max(state.next_probe_at or now, now + pause)
            state.save()
        if state.opened_at is not None and not self.is_open:
            logger.warning("Channel %s is paused after %d failures: %s", self.channel, state.failures, error)
        self._in_trouble = True
        self.is_open = state.opened_at is not None

    def succeeded(self) -> None:
        """The provider has answered: it is alive."""
        if not self._in_trouble:  # no write for each message of a channel that works
            return
        close(self.channel)
        if self.is_open:
            logger.warning("Channel %s works again", self.channel)
        self._in_trouble = self.is_open = False


def close(channel: str) -> None:
    """Let everything through on `channel` again."""
    ChannelState.objects.filter(channel=channel).update(failures=0, opened_at=None, next_probe_at=None)
