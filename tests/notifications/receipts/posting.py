"""A provider that signs delivery receipts with the published library of Standard Webhooks."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from standardwebhooks.webhooks import Webhook

FIRST, SECOND = b"first-key-0123456789-abc", b"second-key-0123456789-abcdefghij"
OTHERS = b"key-of-the-others-" * 3
SECRETS = {"first": [FIRST, SECOND], "other": [OTHERS]}
_EVENTS = itertools.count(1)


def post(
    body: Any,
    *,
    provider: str = "first",
    key: bytes = FIRST,
    event: str = "",
    age: timedelta = timedelta(),
    form: bool = False,
    headers: dict[str, str] | None = None,
    signed: bytes | None = None,
) -> Any:
    """Post `body` as `provider`, signed with `key`; `signed` is what was signed in its place."""
    if not isinstance(body, bytes):
        body = (urlencode(body) if form else json.dumps(body)).encode()
    event, at = event or f"evt_{next(_EVENTS)}", datetime.now(UTC) - age
    secret = "whsec_" + base64.b64encode(key).decode()
    content = body if signed is None else signed
    signature = Webhook(secret).sign(event, at, content.decode("ascii"))  # it signs text
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    sent = {
        "Content-Type": kind,  # the client itself names none where the body is empty
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
        **(headers or {}),
    }
    client = Client(raise_request_exception=False)
    return client.post(f"/receipts/{provider}/", body, content_type=kind, headers=sent)
