"""The kiosks: screens or controllers at lockers."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from lockers.models.location import Location


class Kiosk(models.Model):
    """A kiosk at a location, with the number of wrong codes entered at it.

    The counters are in PostgreSQL, because flushing Redis must not reset them.
    """

    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="kiosks")
    name = models.CharField(max_length=50)
    wrong_codes_in_row = models.PositiveIntegerField(default=0, editable=False)
    locked_until = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    software_version = models.CharField(max_length=50, blank=True, default="", editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["location", "name"]
        constraints = [models.UniqueConstraint(fields=["location", "name"], name="kiosk_name_once")]

    def __str__(self) -> str:
        return f"{self.location.code} {self.name}"
