"""Periods in which nobody could pick up at a location."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from common.clock import ClockTimestamp
from lockers.models.location import Location


class DowntimeQuerySet(models.QuerySet["Downtime"]):
    """Queries of downtimes."""

    def open(self) -> DowntimeQuerySet:
        """Return the downtimes that have not ended."""
        return self.filter(ended_at__isnull=True)

    def unsettled(self) -> DowntimeQuerySet:
        """Return the downtimes whose time has not been added to the holds yet; deadlines are paused."""
        return self.filter(settled_at__isnull=True)


class Downtime(models.Model):
    """A period in which a location was offline or suspended; pickup deadlines there are paused.

    A location has at most one open downtime. If it goes offline and is then suspended, it has two: the second
    begins where the first ends. The time of both is added to the holds together, when packages can be picked
    up again; until then `settled_at` is empty.
    """

    class Cause(models.TextChoices):
        SILENT = "silent", "Offline: no heartbeats from its kiosks"
        SUSPENDED = "suspended", "Suspended"

    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="downtimes")
    cause = models.CharField(max_length=10, choices=Cause)
    began_at = models.DateTimeField(help_text="If it was offline: the last heartbeat")
    noticed_at = models.DateTimeField(db_default=ClockTimestamp())
    ended_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True, help_text="When the lost time was added to the holds")
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
        """How long it lasted; None if it has not ended."""
        return self.ended_at - self.began_at if self.ended_at else None

    def end(self, *, by: str, now: datetime) -> None:
        """End the downtime; `packages_app` adds the time to the holds. The caller has locked the location."""
        self.ended_at, self.ended_by = max(now, self.began_at), by
        self.save(update_fields=["ended_at", "ended_by"])
