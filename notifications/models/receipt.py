"""Delivery receipts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from notifications.models.states import Status


class Receipt(models.Model):
    """A delivery receipt: what a provider reported about one message, so that a repeat changes nothing.

    A receipt that arrives before the portal has recorded that the message was sent matches none yet, and is
    tried again (`matched`). Kept for a day, because its signature is worthless after minutes.
    """

    key = models.CharField(max_length=64, primary_key=True, help_text="A hash of the provider and its event.")
    provider = models.CharField(max_length=40)
    provider_id = models.CharField(max_length=200, db_default="", blank=True)
    number = models.BigIntegerField(
        null=True, blank=True, help_text="The message's id, if the receipt names it."
    )
    outcome = models.CharField(
        max_length=12, choices=[(Status.DELIVERED, "Delivered"), (Status.BOUNCED, "Bounced")]
    )
    reason = models.TextField(db_default="", blank=True)
    matched = models.BooleanField(db_default=False)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["received_at"], name="receipt_received"),
            models.Index(fields=["received_at"], name="receipt_waits", condition=Q(matched=False)),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="receipt_outcome_known", condition=Q(outcome__in=["delivered", "bounced"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.outcome}"
