"""The base class of channels.

How to add one, step by step: `docs/how-to/add-a-channel.md`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from notifications.delivery.leases import Batch
from notifications.messages import Message, Suppressed
from notifications.models import Notification


class Channel(ABC):
    """A connection to one provider of a channel, kept for one batch of messages."""

    name: ClassVar[str]

    def __init__(self, provider: str = "") -> None:
        self.provider = provider or self.providers()[0]

    @classmethod
    def providers(cls) -> Sequence[str]:
        """Return the names of the channel's providers, the preferred one first; at least one."""
        return (cls.name,)

    @classmethod  # noqa: B027 - not every channel needs settings
    def check_settings(cls) -> None:
        """Raise `ImproperlyConfigured`, naming the variable, where a needed one is missing.

        Called at start-up, once all apps are loaded.
        """

    @classmethod
    def charge(cls, batch: Batch, messages: Mapping[int, Message]) -> dict[int, Suppressed]:
        """Count those of the batch's `messages` that are about to be sent against the channel's limits.

        `messages` are by the ids of the batch's rows. Return those that a limit refuses; no limit by default.
        """
        return {}

    @abstractmethod
    def send(self, notification: Notification, message: Message) -> str:
        """Hand one message over and return the provider's id of it.

        Raise `DeliveryError` when it was not accepted. Must end within `leases.SEND_LIMIT` seconds, whatever
        the provider does.
        """

    def close(self) -> None:  # noqa: B027 - not every channel holds a connection
        """Close the connection; raise nothing."""
