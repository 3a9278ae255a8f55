"""SMS backend for development: show messages on the mailbox page."""

from __future__ import annotations

from notifications.dev import mailbox
from notifications.sms.base import BaseSmsBackend


class SmsBackend(BaseSmsBackend):
    """Puts each message into the mailbox (`/dev/mailbox/`)."""

    needs = frozenset()

    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Put the message into the mailbox."""
        kind, _, notification = reference.rpartition("-")
        return mailbox.put(channel="sms", to=to, text=text, kind=kind, notification=notification)
