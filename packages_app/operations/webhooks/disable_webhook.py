"""Disable a webhook."""

from __future__ import annotations

import uuid
from datetime import datetime

from notifications.webhooks import destinations
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import Webhook, WebhookQuerySet


@Operation
def disable_webhook(
    *, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime, reason: str
) -> Webhook:
    """Send the webhook nothing more; its open deliveries end with `reason`. Raises `UnknownWebhook`."""
    webhook = webhooks.lock(webhook_id)
    destinations.close(webhook.destination_id, reason, now=now)
    webhook.destination.refresh_from_db()
    return webhook
