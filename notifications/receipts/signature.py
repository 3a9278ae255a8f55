"""Verify signatures of delivery receipts, made as Standard Webhooks says, like those of our own webhooks."""

from __future__ import annotations

import hmac
import time

from django.conf import settings
from django.http import HttpRequest

from notifications.webhooks.channel import signatures

TOLERANCE = 300  # seconds by which a timestamp may differ from our clock
MOST_SIGNATURES = 10
# For an unknown provider, so that refusing it takes as long as refusing a wrong signature.
_NO_KEYS = [bytes(32)]


class NotSigned(Exception):
    """The signature is not one of this provider, or too old. The reason is only for the log."""


def event_of(request: HttpRequest, provider: str, body: bytes) -> str:
    """Return the id of the event that `provider` has signed. Raise `NotSigned`."""
    event = request.headers.get("webhook-id", "")
    timestamp = request.headers.get("webhook-timestamp", "")
    given = request.headers.get("webhook-signature", "").split()[:MOST_SIGNATURES]
    if not event.isascii() or not event.isprintable() or not 0 < len(event) <= 255:
        raise NotSigned("no id")
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 15:
        raise NotSigned("no timestamp")
    keys = settings.RECEIPT_SECRETS.get(provider)
    expected = signatures(event, int(timestamp), body, keys or _NO_KEYS).split()
    matches = [
        hmac.compare_digest(signature.encode(errors="replace"), other.encode())
        for signature in given
        for other in expected
    ]
    if keys is None:
        raise NotSigned("unknown provider")
    if not any(matches):
        raise NotSigned("wrong signature")
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise NotSigned("old timestamp")
    return event
