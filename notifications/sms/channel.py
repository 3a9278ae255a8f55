"""SMS, sent by the backends that SMS_BACKEND and SMS_BACKEND_2 name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from notifications import sms
from notifications.delivery import sms_limits
from notifications.delivery.channel import Channel
from notifications.delivery.leases import Batch
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from notifications.text import rendering


class SmsChannel(Channel):
    """A session with an SMS provider, kept for one batch."""

    name: ClassVar[str] = "sms"

    def __init__(self, provider: str = "") -> None:
        super().__init__(provider)
        self._backend = sms.get_backend(self.provider)

    @classmethod
    def providers(cls) -> Sequence[str]:
        """Return the names: one, or two where SMS_BACKEND_2 is set."""
        return [provider.name for provider in sms.providers()]

    @classmethod
    def check_settings(cls) -> None:
        """Raise `ImproperlyConfigured` where a provider lacks a value that it needs."""
        sms.check_settings()

    @classmethod
    def charge(cls, batch: Batch, messages: Mapping[int, Message]) -> dict[int, Suppressed]:
        """Count `messages` against the limits of SMS; return those that a limit refuses."""
        return sms_limits.charge(batch, messages)

    def send(self, notification: Notification, message: Message) -> str:
        """Send it and return the provider's id, empty where it names none."""
        text = rendering.sms(notification.kind, message)
        return self._backend.send(message.to, text, reference=f"{notification.kind}-{notification.pk}")

    def close(self) -> None:
        """End the session."""
        self._backend.close()
