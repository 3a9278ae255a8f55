"""The endpoints that messages go to, each with a pause and an end of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Destination(models.Model):
    """Where the messages of one subject go, on a channel that has many receivers: a webhook's endpoint.

    Each has a pause and an end of its own, so that one that is slow or dead delays no other one. Open while
    `closed_at` is empty; what was waiting for a closed one ends as suppressed.
    """

    subject = models.CharField(max_length=60, primary_key=True, help_text="As webhook:<uuid>.")
    failures = models.PositiveIntegerField(db_default=0, help_text="Failures in a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(db_default="", blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_reason = models.TextField(db_default="", blank=True)
    opened_at = models.DateTimeField(db_default=Now(), help_text="Since when it takes messages.")

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
