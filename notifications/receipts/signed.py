"""Signatures of receipts, in the form of Standard Webhooks, which the portal's own webhooks have too."""

from __future__ import annotations

import hmac
import time

from django.conf import settings
from django.http import HttpRequest

from notifications.webhooks.channel import signatures

TOLERANCE = 300  # seconds that a timestamp may lie before or after our clock
MOST_SIGNATURES = 10
# Of a provider that nobody knows: what is signed with nothing takes as long to refuse as a wrong signature.
_NO_KEYS = [bytes(32)]


class NotSigned(Exception):
    """The signature is not one of this provider, or too old. Why is for the log and for nobody else."""


def event_of(request: HttpRequest, provider: str, body: bytes) -> str:
    """The id of the event that `provider` has signed. Raises `NotSigned`."""
    event = request.headers.get("webhook-id", "")
    timestamp = request.headers.get("webhook-timestamp", "")
    given = request.headers.get("webhook-signature", "").split()[:MOST_SIGNATURES]
    if not event.isascii() or not event.isprintable() or not 0 < len(event) <= 255:
        raise NotSigned("no id")
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 15:
        raise NotSigned("no timestamp")
    keys = settings.RECEIPT_SECRETS.get(provider)
    expected = signatures(event, int(timestamp), body, keys or _NO_KEYS).split()
    right = [
        hmac.compare_digest(one.encode(errors="replace"), other.encode())
        for one in given
        for other in expected
    ]
    if keys is None:
        raise NotSigned("unknown provider")
    if not any(right):
        raise NotSigned("wrong signature")
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise NotSigned("old timestamp")
    return event
