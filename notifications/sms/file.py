"""SMS backend for development: write lines of JSON to SMS_FILE_PATH."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from notifications.dev import jsonlines
from notifications.sms.base import BaseSmsBackend


class SmsBackend(BaseSmsBackend):
    """Appends one line for each message; several processes may share the file."""

    needs = frozenset()

    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Append the message."""
        entry = {"id": uuid.uuid4().hex, "at": timezone.now().isoformat(), "to": to, "text": text}
        jsonlines.append(Path(settings.SMS_FILE_PATH), {**entry, "reference": reference})
        return entry["id"]
