"""SMS backend for tests: keep messages in a list of this process."""

from __future__ import annotations

from typing import NamedTuple

from notifications.sms.base import BaseSmsBackend


class Sms(NamedTuple):
    """A sent message."""

    to: str
    text: str
    reference: str


outbox: list[Sms] = []


class SmsBackend(BaseSmsBackend):
    """Appends to `outbox`."""

    needs = frozenset()

    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Append the message."""
        outbox.append(Sms(to, text, reference))
        return f"locmem-{len(outbox)}"
