"""SMS, through whatever SMS_BACKEND and SMS_BACKEND_2 name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from notifications import sms
from notifications.delivery.channel import Channel
from notifications.messages import Message
from notifications.models import Notification
from notifications.text import rendering


class SmsChannel(Channel):
    """One session with an SMS provider for a batch."""

    name: ClassVar[str] = "sms"

    def __init__(self, provider: str = "") -> None:
        super().__init__(provider)
        self._backend = sms.get_backend(self.provider)

    @classmethod
    def providers(cls) -> Sequence[str]:
        """One, or two where SMS_BACKEND_2 is set."""
        return [provider.name for provider in sms.providers()]

    def send(self, notification: Notification, message: Message) -> str:
        """Send it; the id is the provider's own, empty where it names none."""
        text = rendering.sms(notification.kind, message)
        return self._backend.send(message.to, text, reference=f"{notification.kind}-{notification.pk}")

    def close(self) -> None:
        """End the session."""
        self._backend.close()
