"""The circuit breakers of providers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from notifications.channels.registry import Channel


class ChannelState(models.Model):
    """The circuit breaker of one provider of a channel, shared by all workers and visible to staff.

    It is closed while `opened_at` is empty. While it is open, nothing is sent by this provider but one probe
    whenever `next_probe_at` is reached.
    """

    id = models.BigAutoField(primary_key=True)
    channel = models.CharField(max_length=10, choices=Channel)
    provider = models.CharField(max_length=40, db_default="", help_text="Its name in the settings.")
    failures = models.PositiveIntegerField(db_default=0, help_text="Consecutive failures of the provider.")
    opened_at = models.DateTimeField(null=True, blank=True)
    next_probe_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(db_default="", blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "message provider"
        verbose_name_plural = "message providers"
        ordering: ClassVar[list[str]] = ["channel", "id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["channel", "provider"], name="channelstate_provider_once"),
            models.CheckConstraint(
                name="channelstate_open_has_probe",
                condition=Q(opened_at__isnull=True, next_probe_at__isnull=True)
                | Q(opened_at__isnull=False, next_probe_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} by {self.provider}: {'open' if self.opened_at else 'closed'}"
