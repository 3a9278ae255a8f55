"""The JSON of webhooks and their deliveries, as `api/schemas/webhooks.py` declares it."""

from __future__ import annotations

import re

from django.utils import timezone

from notifications.models import Notification, Status
from notifications.webhooks.channel import message_id
from packages_app.models import Webhook
from packages_app.payloads.answer import Answer
from packages_app.payloads.package_json import Json, moment
from packages_app.secrets import webhook_secrets

_HTTP_STATUS = re.compile(r"\bHTTP (\d{3})\b")


def webhook(row: Webhook) -> Json:
    """Return a webhook that was read with its destination, never its secret."""
    state = row.destination
    rotating = row.previous_until is not None and row.previous_until > timezone.now()
    return {
        "id": str(row.pk),
        "url": row.url,
        "events": list(row.events),
        "description": row.description or None,
        "created_at": moment(row.created_at),
        "failing_since": moment(state.failing_since),
        "last_error": state.last_error or None,
        "disabled_at": moment(state.closed_at),
        "disabled_reason": state.closed_reason or None,
        "old_secret_until": moment(row.previous_until) if rotating else None,
    }


def with_secret(row: Webhook, *, status: int) -> Answer:
    """Return the answer that shows the secret."""
    secret = webhook_secrets.shown(row.pk, row.secret_version, row.secret_id)
    secret_of = (row.pk, row.secret_version, row.secret_id)
    return Answer(status, {**webhook(row), "secret": secret}, secret_of=secret_of)


def answer(row: Webhook) -> Answer:
    """Return the answer to an operation on a webhook."""
    return Answer(200, webhook(row))


def delivery(row: Notification) -> Json:
    """Return what became of one message to a webhook, never its content."""
    found = _HTTP_STATUS.search(row.provider_id or row.reason)
    waits = row.status == Status.PENDING
    return {
        "id": message_id(row),
        "type": row.kind,
        "package_id": row.context.get("package", {}).get("id"),
        "status": row.status,
        "attempts": row.attempts,
        "created_at": moment(row.created_at),
        "sent_at": moment(row.sent_at),
        "next_attempt_at": moment(row.next_attempt_at) if waits else None,
        "http_status": int(found[1]) if found else None,
        "reason": row.reason or None,
    }


def delivery_answer(row: Notification) -> Answer:
    """Return the answer to a test or a resend."""
    return Answer(200, delivery(row))
