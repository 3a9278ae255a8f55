"""The figures of the weekly report, and its subscribers at head office."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from common.clock import ClockTimestamp
from lockers.models import Location


class WeekAtLocation(models.Model):
    """The figures of one location for one week, Monday to Monday in its own time zone. Counted once."""

    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    week = models.DateField(help_text="Its Monday")
    counted_at = models.DateTimeField(db_default=ClockTimestamp())
    deposits = models.PositiveIntegerField()
    pickups = models.PositiveIntegerField()
    half_within = models.DurationField(null=True, help_text="In which half of the pickups came")
    expired = models.PositiveIntegerField()
    returned = models.PositiveIntegerField()
    average_use = models.FloatField(null=True, help_text="Share of doors with a package or reserved, 0 to 1")
    peak_use = models.FloatField(null=True, help_text="The same in the fullest hour")
    faults = models.PositiveIntegerField(help_text="Doors taken out of service")
    downtimes = models.PositiveIntegerField()
    down_for = models.DurationField()
    dead_messages = models.PositiveIntegerField(help_text="To recipients, of the packages here")

    class Meta:
        ordering = ["-week", "location"]
        verbose_name_plural = "weeks at locations"
        constraints = [models.UniqueConstraint(fields=["location", "week"], name="weekatlocation_once")]

    def __str__(self) -> str:
        return f"{self.location.code}, week of {self.week}"


class ReportSubscription(models.Model):
    """A subscription at head office to the report on all locations; managers get theirs anyway."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, limit_choices_to={"is_staff": True}
    )

    def __str__(self) -> str:
        return str(self.user)
