"""Tests: SMS in a list of this process."""

from __future__ import annotations

from typing import NamedTuple

from notifications.sms.base import BaseSmsBackend


class Sms(NamedTuple):
    """One sent message."""

    to: str
    text: str
    reference: str


outbox: list[Sms] = []


class SmsBackend(BaseSmsBackend):
    """Appends to `outbox`."""

    needs = frozenset()

    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Keep it."""
        outbox.append(Sms(to, text, reference))
        return f"locmem-{len(outbox)}"
