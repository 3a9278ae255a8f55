"""What couriers and staff do to webhooks; each is a transaction of its own.

`webhooks` is the caller's own set: an id outside it does not exist for them and raises `UnknownWebhook`.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from notifications import destinations, outbox
from notifications.models import Channel, Destination, Notification, Status
from notifications.nudge import nudge_webhooks
from packages_app import errors
from packages_app.access import Actor
from packages_app.models import Courier, Webhook, WebhookQuerySet
from packages_app.operation import Operation
from packages_app.webhooks import secrets

MOST = 10  # webhooks of one courier
DELETED = "The webhook was deleted"
TEST = "webhook.test"


@Operation
def create_webhook(*, by: Actor, now: datetime, url: str, events: list[str], description: str) -> Webhook:
    """A new webhook of the courier `by`; from now on it is told of `events`.

    Raises `DuplicateWebhook` for a URL that the courier has already, and `TooManyWebhooks`.
    """
    assert by.courier_id is not None
    courier = Courier.objects.select_for_update(no_key=True).get(
        pk=by.courier_id
    )  # one counts after the other
    same = courier.webhooks.filter(url=url).first()
    if same is not None:
        raise errors.DuplicateWebhook(webhook_id=str(same.pk))
    if courier.webhooks.count() >= MOST:
        raise errors.TooManyWebhooks(f"A courier may have {MOST} webhooks.")
    webhook = Webhook(
        courier=courier, url=url, events=events, description=description, secret_id=secrets.newest()
    )
    webhook.destination = Destination.objects.create(subject=f"webhook:{webhook.pk}", opened_at=now)
    webhook.created_at = now
    webhook.save(force_insert=True)
    return webhook


@Operation
def delete_webhook(*, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime) -> None:
    """It is gone, and what waited for it ends. Raises `UnknownWebhook`."""
    webhook = webhooks.lock(webhook_id)
    destination = webhook.destination_id
    webhook.delete()
    destinations.close(destination, DELETED, now=now)


@Operation
def rotate_secret(*, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime) -> Webhook:
    """A new secret signs; the old one too for a day, and one that was older no more.

    Raises `UnknownWebhook`.
    """
    webhook = webhooks.lock(webhook_id)
    webhook.previous_secret_id, webhook.previous_version = webhook.secret_id, webhook.secret_version
    webhook.previous_until = now + Webhook.ROTATION
    webhook.secret_id, webhook.secret_version = secrets.newest(), webhook.secret_version + 1
    webhook.save()
    return webhook


@Operation
def enable_webhook(*, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime) -> Webhook:
    """It is told of what happens from now on; one that was only paused, at once of what waits for it.

    Raises `UnknownWebhook`.
    """
    webhook = webhooks.lock(webhook_id)
    if not destinations.reopen(webhook.destination_id, now=now):
        destinations.bring_forward(webhook.destination_id)
    webhook.destination.refresh_from_db()
    transaction.on_commit(nudge_webhooks, robust=True)
    return webhook


@Operation
def disable_webhook(
    *, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime, reason: str
) -> Webhook:
    """It is told nothing more, and what waited for it ends, with `reason`. Raises `UnknownWebhook`."""
    webhook = webhooks.lock(webhook_id)
    destinations.close(webhook.destination_id, reason, now=now)
    webhook.destination.refresh_from_db()
    return webhook


@Operation
def test_webhook(
    *, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime
) -> Notification:
    """A message of the type `webhook.test`, at once. Raises `UnknownWebhook`, `WebhookDisabled`."""
    webhook = _open(webhooks, webhook_id)
    cause = f"{webhook.destination_id}:test:{uuid.uuid4().hex}"
    outbox.enqueue(
        kind=TEST,
        channels=[Channel.WEBHOOK],
        subject=webhook.destination_id,
        dedup_prefix=cause,
        priority=1,
        context={"at": now.isoformat(), "data": {"webhook_id": str(webhook.pk)}},
    )
    _wake(webhook)
    return Notification.objects.get(dedup_key=f"{cause}:{Channel.WEBHOOK.value}")


@Operation
def resend_delivery(
    *, webhooks: WebhookQuerySet, webhook_id: uuid.UUID, by: Actor, now: datetime, delivery_id: int
) -> Notification:
    """A message that has ended, however it did, goes again, with a fresh count of attempts and out of turn.

    Raises `UnknownWebhook`, `UnknownDelivery`, `WebhookDisabled`, `DeliveryUnderWay`.
    """
    webhook = _open(webhooks, webhook_id)
    deliveries = Notification.objects.filter(subject=webhook.destination_id, channel=Channel.WEBHOOK)
    row = deliveries.select_for_update().filter(pk=delivery_id).first()
    if row is None:
        raise errors.UnknownDelivery
    if row.status in (Status.PENDING, Status.SENDING):
        raise errors.DeliveryUnderWay
    deliveries.filter(pk=row.pk).again()
    _wake(webhook)
    row.refresh_from_db()
    return row


def _open(webhooks: WebhookQuerySet, webhook_id: uuid.UUID) -> Webhook:
    webhook = webhooks.lock(webhook_id)
    if webhook.destination.closed_at is not None:
        raise errors.WebhookDisabled
    return webhook


def _wake(webhook: Webhook) -> None:
    """Somebody waits for this one and has a reason to think that it will arrive."""
    destinations.hurry(webhook.destination_id)
    transaction.on_commit(nudge_webhooks, robust=True)
