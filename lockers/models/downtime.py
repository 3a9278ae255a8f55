"""When nobody could collect at a location, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from common.clock import ClockTimestamp
from lockers.models.location import Location


class DowntimeQuerySet(models.QuerySet["Downtime"]):
    def open(self) -> DowntimeQuerySet:
        """Those that last."""
        return self.filter(ended_at__isnull=True)

    def unsettled(self) -> DowntimeQuerySet:
        """Those whose lost time was not given back yet: the hold clock stands at their locations."""
        return self.filter(settled_at__isnull=True)


class Downtime(models.Model):
    """One stretch in which a location was silent or suspended; the hold clock stands meanwhile.

    One is open at a time. A location that falls silent and is then suspended has two, the second beginning
    where the first ends; the time of both is given back together, when the location is really there again:
    so long `settled_at` is empty.
    """

    class Cause(models.TextChoices):
        SILENT = "silent", "Silent: no sign of life from its kiosks"
        SUSPENDED = "suspended", "Suspended"

    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="downtimes")
    cause = models.CharField(max_length=10, choices=Cause)
    began_at = models.DateTimeField(help_text="When it was silent: the last sign of life")
    noticed_at = models.DateTimeField(db_default=ClockTimestamp())
    ended_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True, help_text="When the lost time was given back")
    begun_by = models.CharField(max_length=120)
    ended_by = models.CharField(max_length=120, blank=True, default="")
    reason = models.CharField(max_length=200)

    objects = DowntimeQuerySet.as_manager()

    class Meta:
        ordering = ["-began_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["location"], condition=Q(ended_at__isnull=True), name="downtime_one_open"
            ),
            models.CheckConstraint(condition=Q(cause__in=["silent", "suspended"]), name="downtime_cause"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by="", settled_at__isnull=True)
                | Q(ended_at__gte=F("began_at")) & ~Q(ended_by=""),
                name="downtime_ended_pair",
            ),
        ]
        indexes = [
            models.Index(
                fields=["location"], condition=Q(settled_at__isnull=True), name="downtime_unsettled_idx"
            ),
            models.Index(fields=["location", "-began_at"], name="downtime_location_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.location.code} {self.cause} from {self.began_at:%Y-%m-%d %H:%M} UTC"

    @property
    def lasted(self) -> timedelta | None:
        """How long it was; None while it lasts."""
        return self.ended_at - self.began_at if self.ended_at else None

    def end(self, *, by: str, now: datetime) -> None:
        """It is over; its time is given back by `packages_app`. The caller holds the location's lock."""
        self.ended_at, self.ended_by = max(now, self.began_at), by
        self.save(update_fields=["ended_at", "ended_by"])
