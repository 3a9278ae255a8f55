"""Send a message to a webhook again."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from common.wakeup import nudge_webhooks
from notifications.models import OPEN, Notification
from notifications.webhooks import destinations
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import WebhookQuerySet


@Operation
def resend_delivery(
    *, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime, delivery_id: int
) -> Notification:
    """Send a message again that has ended, delivered or not, with a new count of attempts and out of turn.

    Raises `UnknownWebhook`, `UnknownDelivery`, `WebhookDisabled`, `DeliveryUnderWay`.
    """
    webhook = webhooks.lock_enabled(webhook_id)
    deliveries = Notification.objects.to_destination(webhook.destination_id)
    row = deliveries.select_for_update().filter(pk=delivery_id).first()
    if row is None:
        raise errors.UnknownDelivery
    if row.status in OPEN:
        raise errors.DeliveryUnderWay
    deliveries.filter(pk=row.pk).again()
    # Somebody waits for this one and has a reason to expect that it arrives: do not wait for a pause to end.
    destinations.end_pause(webhook.destination_id)
    transaction.on_commit(nudge_webhooks, robust=True)
    row.refresh_from_db()
    return row
