"""SMS backend for development: write to standard output."""

from __future__ import annotations

import sys

from notifications.sms.base import BaseSmsBackend


class SmsBackend(BaseSmsBackend):
    """Prints each message."""

    needs = frozenset()

    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Print the message."""
        sys.stdout.write(f"SMS to {to} ({reference}): {text}\n")
        sys.stdout.flush()
        return ""
