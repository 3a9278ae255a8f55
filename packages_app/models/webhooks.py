"""Webhooks of couriers, to which events are posted as they happen."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from notifications.models import Destination
from packages_app import errors
from packages_app.models.couriers import Courier


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Queries for webhooks."""

    def for_courier(self, courier_id: int) -> WebhookQuerySet:
        """Filter a courier's own webhooks."""
        return self.filter(courier_id=courier_id)

    def lock(self, webhook_id: uuid.UUID) -> Webhook:
        """Lock the row, with its destination, until the transaction ends. Raises `UnknownWebhook`."""
        rows = self.select_related("destination", "courier")
        try:
            return rows.select_for_update(of=("self",), no_key=True).get(pk=webhook_id)
        except Webhook.DoesNotExist:
            raise errors.UnknownWebhook from None

    def lock_enabled(self, webhook_id: uuid.UUID) -> Webhook:
        """Lock one that is enabled. Raises `UnknownWebhook`, `WebhookDisabled`."""
        webhook = self.lock(webhook_id)
        if webhook.destination.closed_at is not None:
            raise errors.WebhookDisabled
        return webhook


class Webhook(models.Model):
    """One endpoint of a courier. Its signing secret is computed (`secrets/webhook_secrets.py`), never stored.

    Whether it is paused or disabled, and why, is in its destination.
    """

    ROTATION = timedelta(hours=24)  # how long the old secret signs as well

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    courier = models.ForeignKey(Courier, on_delete=models.PROTECT, related_name="webhooks")
    destination = models.OneToOneField(Destination, on_delete=models.PROTECT, related_name="webhook")
    url = models.CharField(max_length=2000)
    events = ArrayField(models.CharField(max_length=40), help_text="Of `EventType`")
    description = models.CharField(max_length=200, blank=True, default="")
    secret_id = models.PositiveSmallIntegerField(help_text="Id of the secret in the settings")
    secret_version = models.PositiveSmallIntegerField(default=1)
    previous_secret_id = models.PositiveSmallIntegerField(null=True, blank=True)
    previous_version = models.PositiveSmallIntegerField(null=True, blank=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    previous_secret_id__isnull=True,
                    previous_version__isnull=True,
                    previous_until__isnull=True,
                )
                | Q(
                    previous_secret_id__isnull=False,
                    previous_version__isnull=False,
                    previous_until__isnull=False,
                ),
                name="webhook_previous_secret",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier.code}: {self.url}"

    def versions(self, *, now: datetime) -> list[tuple[int, int]]:
        """Return secret id and version of each secret that signs at `now`, the newest first."""
        current = [(self.secret_id, self.secret_version)]
        if self.previous_until is None or self.previous_until <= now:
            return current
        assert self.previous_secret_id is not None
        assert self.previous_version is not None
        return [*current, (self.previous_secret_id, self.previous_version)]
