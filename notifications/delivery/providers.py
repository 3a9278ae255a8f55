"""Choose the provider that sends a message: the first one that works.

A provider whose breaker is open is skipped, and gets one message as its probe every 30 seconds. While all
breakers of a channel are open, the channel waits for their probes. A message that one provider could not
accept is offered to the next at once, in the same attempt.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from types import TracebackType
from typing import Self

from notifications.delivery.breaker import Breaker, breakers
from notifications.delivery.channel import Channel
from notifications.messages import Message
from notifications.models import Notification


class Route:
    """One provider during one batch: its breaker, and its session from the first message on."""

    def __init__(self, channel_class: type[Channel], breaker: Breaker) -> None:
        self.provider = breaker.provider
        self.breaker = breaker
        self.has_probe = False
        self._channel_class = channel_class
        self._channel: Channel | None = None

    @property
    def usable(self) -> bool:
        """Return whether a message may be sent by it."""
        return self.has_probe or not self.breaker.is_open

    def send(self, row: Notification, message: Message) -> str:
        """Hand the message over as `Channel.send` does, which uses up a probe."""
        self.has_probe = False
        if self._channel is None:
            self._channel = self._channel_class(self.provider)
        return self._channel.send(row, message)

    def close(self) -> None:
        """End the session; raise nothing."""
        if self._channel is not None:
            self._channel.close()


class Routes:
    """The providers of one channel during one batch, the preferred one first."""

    def __init__(self, channel_class: type[Channel]) -> None:
        self.channel_class = channel_class
        states = breakers(channel_class.name, channel_class.providers())
        self._routes = [Route(channel_class, breaker) for breaker in states]

    @property
    def only_probes(self) -> bool:
        """Return whether only probes may be sent."""
        return all(route.breaker.is_open for route in self._routes)

    @property
    def probe_left(self) -> bool:
        """Return whether a paused provider still waits for its probe."""
        return any(route.has_probe for route in self._routes)

    @property
    def usable(self) -> bool:
        """Return whether any message may be sent."""
        return any(route.usable for route in self._routes)

    def take_probes(self, now: datetime) -> None:
        """Take the due probes of the providers that are preferred to the first one that works."""
        for route in self._routes:
            if not route.breaker.is_open:
                return
            route.has_probe = route.breaker.take_probe(now)

    def choose(self, *, probe: bool, tried: Container[Route] = ()) -> Route | None:
        """Return the first usable provider not in `tried`; with `probe`, a paused one may come first."""
        usable = [route for route in self._routes if route.usable and route not in tried]
        if not probe:
            usable.sort(key=lambda route: route.breaker.is_open)
        return usable[0] if usable else None

    def return_probes(self, now: datetime) -> None:
        """Give back the probes for which there was no message."""
        for route in self._routes:
            if route.has_probe:
                route.breaker.return_probe(now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for route in self._routes:
            route.close()
