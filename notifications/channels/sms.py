"""SMS, through whatever SMS_BACKEND names."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings

from notifications import rendering, sms
from notifications.channels.base import Channel
from notifications.messages import Message
from notifications.models import Notification


class SmsChannel(Channel):
    """One session with the SMS provider for a batch."""

    name: ClassVar[str] = "sms"

    def __init__(self) -> None:
        self.provider = settings.SMS_PROVIDER
        self._backend = sms.get_backend()

    def send(self, notification: Notification, message: Message) -> str:
        """Send it; the id is the provider's own, empty where it names none."""
        text = rendering.sms(notification.kind, message)
        return self._backend.send(message.to, text, reference=f"{notification.kind}-{notification.pk}")

    def close(self) -> None:
        """End the session."""
        self._backend.close()
