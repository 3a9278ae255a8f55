"""One Celery task for each message, as in most tutorials: claim the row, write the words, send, record.

The same rows, the same texts, the same channels, the same worker settings as the portal's own delivery; the
guard against sending twice is as good (a claim with a lease that commits before the send).
"""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import timedelta
from typing import Any

from celery import Celery
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from lockerportal.celery import app as portal_app

app: Celery = portal_app


@app.task(name="bench.deliver_one", ignore_result=True)
def deliver_one(pk: int) -> None:
    """Send the message with this id, if it is still to be sent."""
    from notifications.composing import compose
    from notifications.delivery.registry import CHANNELS
    from notifications.errors import DeliveryError
    from notifications.messages import Message
    from notifications.models import Notification, Status

    token, now = uuid.uuid4(), timezone.now()
    with transaction.atomic():
        row = (
            Notification.objects.select_for_update(skip_locked=True)
            .filter(pk=pk, status=Status.PENDING, next_attempt_at__lte=now)
            .first()
        )
        if row is None:
            return
        row.status, row.lease_token, row.leased_until = Status.SENDING, token, now + timedelta(seconds=60)
        row.attempts += 1
        row.save(update_fields=["status", "lease_token", "leased_until", "attempts"])
    message = compose([row])[row.pk]
    held = Notification.objects.filter(pk=pk, lease_token=token)
    free: dict[str, Any] = {"lease_token": None, "leased_until": None}
    if not isinstance(message, Message):
        held.update(status=Status.SUPPRESSED, reason=message.reason, **free)
        return
    try:
        with closing(CHANNELS[row.channel]()) as channel:
            provider_id = channel.send(row, message)
    except DeliveryError as error:
        held.update(
            status=Status.PENDING,
            reason=str(error),
            next_attempt_at=F("next_attempt_at") + timedelta(seconds=5),
            **free,
        )
        return
    free |= {"provider": channel.provider, "provider_id": provider_id}
    held.update(status=Status.SENT, sent_at=timezone.now(), reason="", **free)
