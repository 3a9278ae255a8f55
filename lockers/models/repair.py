"""Planned repairs of compartments that are out of service."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from lockers.models.compartment import Compartment


class RepairQuerySet(models.QuerySet["Repair"]):
    """Queries of planned repairs."""

    def due(self, now: datetime) -> RepairQuerySet:
        """Return the repairs whose date has passed, the oldest first."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def checked(self) -> RepairQuerySet:
        """Return the confirmed repairs: somebody has seen the door work."""
        return self.filter(checked_at__isnull=False)

    def unchecked(self) -> RepairQuerySet:
        """Return the repairs that nobody has confirmed."""
        return self.filter(checked_at__isnull=True)


class Repair(models.Model):
    """The planned repair of a compartment; it is deleted when the compartment is back in service."""

    compartment = models.OneToOneField(Compartment, on_delete=models.CASCADE, primary_key=True)
    due_at = models.DateTimeField(help_text="When the compartment is to be back in service")
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When somebody saw the door work")
    checked_by = models.CharField(max_length=120, blank=True, default="")
    reminded_on = models.DateField(
        null=True,
        blank=True,
        help_text="The location's day on which managers were last told that it is overdue",
    )

    objects = RepairQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(checked_at__isnull=True, checked_by="")
                | Q(checked_at__isnull=False) & ~Q(checked_by=""),
                name="repair_checked_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.compartment_id} by {self.due_at:%Y-%m-%d %H:%M} UTC"
