"""The append-only history of packages."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from common.clock import ClockTimestamp
from lockers.models import Compartment
from packages_app.life.lifecycle import Event, Status
from packages_app.models.package import Package


class PackageEvent(models.Model):
    """One line of a package's history: who, what, when, from, to. A trigger refuses changes."""

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(db_default=ClockTimestamp())
    event = models.CharField(max_length=20, choices=Event)
    from_status = models.CharField(max_length=10, choices=Status, blank=True, default="")
    to_status = models.CharField(max_length=10, choices=Status)
    by = models.CharField(max_length=120)
    reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    compartment = models.ForeignKey(
        Compartment,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,  # the packages of a compartment are found through the packages
        help_text="The door that the package holds after this; none when it holds none",
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["package"],
                condition=Q(event="assigned"),
                name="packageevent_assigned_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.to_status}"
