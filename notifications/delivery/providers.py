"""Which provider a message of a channel goes by: the first of them that works.

A provider whose breaker is open is passed over, and gets one message as its probe each 30 seconds. While all
of a channel's are open the channel waits for their probes. What one provider could not take is offered to
the next one at once, in the same attempt.
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
    """One provider, in the hands of one batch: its breaker, and its session from the first message on."""

    def __init__(self, channel_class: type[Channel], breaker: Breaker) -> None:
        self.provider = breaker.provider
        self.breaker = breaker
        self.has_probe = False
        self._channel_class = channel_class
        self._channel: Channel | None = None

    @property
    def usable(self) -> bool:
        """Whether a message may go by it."""
        return self.has_probe or not self.breaker.is_open

    def send(self, row: Notification, message: Message) -> str:
        """Hand the message over, as `Channel.send` does; a probe is used up by that."""
        self.has_probe = False
        if self._channel is None:
            self._channel = self._channel_class(self.provider)
        return self._channel.send(row, message)

    def close(self) -> None:
        """End the session; raises nothing."""
        if self._channel is not None:
            self._channel.close()


class Routes:
    """The providers of one channel for the time of one batch, the preferred one first."""

    def __init__(self, channel_class: type[Channel]) -> None:
        self.channel_class = channel_class
        states = breakers(channel_class.name, channel_class.providers())
        self._routes = [Route(channel_class, breaker) for breaker in states]

    @property
    def only_probes(self) -> bool:
        """Whether all that may be sent are probes."""
        return all(route.breaker.is_open for route in self._routes)

    @property
    def probe_left(self) -> bool:
        """Whether a provider that is open still waits for its probe."""
        return any(route.has_probe for route in self._routes)

    @property
    def usable(self) -> bool:
        """Whether any message may be sent."""
        return any(route.usable for route in self._routes)

    def take_probes(self, now: datetime) -> None:
        """Take the probes that are due, of the providers that would be preferred to one that works."""
        for route in self._routes:
            if not route.breaker.is_open:
                return
            route.has_probe = route.breaker.take_probe(now)

    def choose(self, *, probe: bool, tried: Container[Route] = ()) -> Route | None:
        """The first usable one but for those `tried`; with `probe` also before one that works."""
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
