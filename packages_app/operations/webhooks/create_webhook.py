"""Create a webhook of a courier."""

from __future__ import annotations

from datetime import datetime

from notifications.models import Destination
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import Courier, Webhook
from packages_app.secrets import webhook_secrets

MOST = 10  # webhooks of one courier


@Operation
def create_webhook(*, by: Actor, now: datetime, url: str, events: list[str], description: str) -> Webhook:
    """Create a webhook of the courier `by`, which is told of `events` from now on.

    Raises `DuplicateWebhook` if the courier has a webhook with this URL, and `TooManyWebhooks`.
    """
    assert by.courier_id is not None
    # The lock makes two calls at once count one after the other.
    courier = Courier.objects.select_for_update(no_key=True).get(pk=by.courier_id)
    same = courier.webhooks.filter(url=url).first()
    if same is not None:
        raise errors.DuplicateWebhook(webhook_id=str(same.pk))
    if courier.webhooks.count() >= MOST:
        raise errors.TooManyWebhooks(f"A courier may have {MOST} webhooks.")
    webhook = Webhook(
        courier=courier, url=url, events=events, description=description, secret_id=webhook_secrets.newest()
    )
    webhook.destination = Destination.objects.create(subject=f"webhook:{webhook.pk}", opened_at=now)
    webhook.created_at = now
    webhook.save(force_insert=True)
    return webhook
