"""Enable a webhook that is disabled or paused."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from common.wakeup import nudge_webhooks
from notifications.webhooks import destinations
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import Webhook, WebhookQuerySet


@Operation
def enable_webhook(*, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime) -> Webhook:
    """Tell the webhook of events from now on; one that was only paused gets its open deliveries at once.

    Raises `UnknownWebhook`.
    """
    webhook = webhooks.lock(webhook_id)
    if not destinations.reopen(webhook.destination_id, now=now):
        destinations.bring_forward(webhook.destination_id)
    webhook.destination.refresh_from_db()
    transaction.on_commit(nudge_webhooks, robust=True)
    return webhook
