"""Send a webhook a test event."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from common.wakeup import nudge_webhooks
from notifications import outbox
from notifications.models import Channel, Notification
from notifications.webhooks import destinations
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import WebhookQuerySet

TEST = "webhook.test"


@Operation
def send_test_event(
    *, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime
) -> Notification:
    """Send an event of the type `webhook.test`, at once. Raises `UnknownWebhook`, `WebhookDisabled`."""
    webhook = webhooks.lock_enabled(webhook_id)
    cause = f"{webhook.destination_id}:test:{uuid.uuid4().hex}"
    outbox.enqueue(
        kind=TEST,
        channels=[Channel.WEBHOOK],
        subject=webhook.destination_id,
        dedup_prefix=cause,
        priority=1,
        context={"at": now.isoformat(), "data": {"webhook_id": str(webhook.pk)}},
    )
    # Somebody waits for this one and has a reason to expect that it arrives: do not wait for a pause to end.
    destinations.end_pause(webhook.destination_id)
    transaction.on_commit(nudge_webhooks, robust=True)
    return Notification.objects.get(dedup_key=f"{cause}:{Channel.WEBHOOK.value}")
