"""Delete a webhook."""

from __future__ import annotations

import uuid
from datetime import datetime

from notifications.webhooks import destinations
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import WebhookQuerySet

DELETED = "The webhook was deleted"


@Operation
def delete_webhook(*, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime) -> None:
    """Delete a webhook; its open deliveries end. Raises `UnknownWebhook`."""
    webhook = webhooks.lock(webhook_id)
    destination = webhook.destination_id
    webhook.delete()
    destinations.close(destination, DELETED, now=now)
