"""How full locations were, and where compartments of a size are short."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from common.clock import ClockTimestamp
from lockers.models.compartment import Size
from lockers.models.location import Location


class UsageSnapshot(models.Model):
    """The compartments of one size at one location by status, counted once an hour."""

    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    size = models.PositiveSmallIntegerField(choices=Size)
    hour = models.DateTimeField(db_index=True, help_text="The start of the hour, in UTC")
    taken_at = models.DateTimeField(db_default=ClockTimestamp())
    total = models.PositiveIntegerField()
    available = models.PositiveIntegerField()
    occupied = models.PositiveIntegerField()
    reserved = models.PositiveIntegerField()
    out_of_service = models.PositiveIntegerField()
    unverified = models.PositiveIntegerField()

    class Meta:
        ordering = ["-hour", "location", "size"]
        constraints = [
            models.UniqueConstraint(fields=["location", "size", "hour"], name="usagesnapshot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.location_id} {self.get_size_display()} {self.hour:%Y-%m-%d %H:00} UTC"


class ShortageQuerySet(models.QuerySet["Shortage"]):
    """Queries of shortages."""

    def open(self) -> ShortageQuerySet:
        """Return the shortages that have not ended."""
        return self.filter(ended_at__isnull=True)


class Shortage(models.Model):
    """A period in which a location had hardly any available compartment of a size."""

    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="shortages")
    size = models.PositiveSmallIntegerField(choices=Size)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    told_on = models.DateField(null=True, help_text="The location's day on which managers were told")

    objects = ShortageQuerySet.as_manager()

    class Meta:
        ordering = ["-began_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["location", "size"], condition=Q(ended_at__isnull=True), name="shortage_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.location_id} {self.get_size_display()} since {self.began_at:%Y-%m-%d %H:%M} UTC"
