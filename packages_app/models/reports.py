"""What the weekly report is made of, and who of head office reads it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from common.clock import ClockTimestamp
from lockers.models import Location


class WeekAtLocation(models.Model):
    """One location's figures of one week, from Monday to Monday on its own wall clock. Counted once."""

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
    """Somebody of head office who wants the weekly report of all locations; managers get theirs unasked."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, limit_choices_to={"is_staff": True}
    )

    def __str__(self) -> str:
        return str(self.user)
