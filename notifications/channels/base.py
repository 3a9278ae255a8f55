"""What every channel promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self

from notifications.messages import Message
from notifications.models import Notification


class Channel(ABC):
    """One way out, for the time of one batch: the connection to the provider is kept and re-used in it."""

    name: ClassVar[str]
    provider: str = ""  # its name, as rows keep it

    @abstractmethod
    def send(self, notification: Notification, message: Message) -> str:
        """Hand one message over; return the provider's id of it.

        Raises `DeliveryError`. Ends within `leases.SEND_LIMIT` seconds, whatever the provider does.
        """

    def close(self) -> None:  # noqa: B027 - not every channel holds a connection
        """Let the connection go; raises nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
