"""Rotate the signing secret of a webhook."""

from __future__ import annotations

import uuid
from datetime import datetime

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import Webhook, WebhookQuerySet
from packages_app.secrets import webhook_secrets


@Operation
def rotate_secret(*, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime) -> Webhook:
    """Make a new signing secret. The old one signs for a day as well; an older one stops at once.

    Raises `UnknownWebhook`.
    """
    webhook = webhooks.lock(webhook_id)
    webhook.previous_secret_id, webhook.previous_version = webhook.secret_id, webhook.secret_version
    webhook.previous_until = now + Webhook.ROTATION
    webhook.secret_id, webhook.secret_version = webhook_secrets.newest(), webhook.secret_version + 1
    webhook.save()
    return webhook
