"""The endpoints of webhooks, each paused and closed independently."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Destination(models.Model):
    """The endpoint of a webhook: whether it is paused or closed, and its failures.

    Each endpoint is paused and closed independently, so that a slow or dead one delays no other. It is open
    while `closed_at` is empty; messages that were waiting for a closed one are suppressed.
    """

    subject = models.CharField(max_length=60, primary_key=True, help_text="Its id, as webhook:<uuid>.")
    failures = models.PositiveIntegerField(db_default=0, help_text="Failures in a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(db_default="", blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_reason = models.TextField(db_default="", blank=True)
    opened_at = models.DateTimeField(db_default=Now(), help_text="Since when it accepts messages.")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="destination_failing_pair",
                condition=Q(failures=0, failing_since__isnull=True)
                | Q(failures__gt=0, failing_since__isnull=False),
            ),
            models.CheckConstraint(
                name="destination_closed_pair",
                condition=Q(closed_at__isnull=True, closed_reason="")
                | Q(closed_at__isnull=False) & ~Q(closed_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {'closed' if self.closed_at else 'paused' if self.paused_until else 'open'}"
