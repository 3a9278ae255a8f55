"""What every channel promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from notifications.messages import Message
from notifications.models import Notification


class Channel(ABC):
    """One way out by one provider, for the time of one batch: the connection is kept and re-used in it."""

    name: ClassVar[str]

    def __init__(self, provider: str = "") -> None:
        self.provider = provider or self.providers()[0]

    @classmethod
    def providers(cls) -> Sequence[str]:
        """The names of those who take messages of this channel, the preferred one first; never none."""
        return (cls.name,)

    @abstractmethod
    def send(self, notification: Notification, message: Message) -> str:
        """Hand one message over; return the provider's id of it.

        Raises `DeliveryError`. Ends within `leases.SEND_LIMIT` seconds, whatever the provider does.
        """

    def close(self) -> None:  # noqa: B027 - not every channel holds a connection
        """Let the connection go; raises nothing."""
