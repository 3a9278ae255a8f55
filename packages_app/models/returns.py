"""The days on which return lists were written."""

from __future__ import annotations

from django.db import models

from lockers.models import Location


class ReturnListDay(models.Model):
    """The last day of a location's calendar for which its return lists were written, or were empty."""

    location = models.OneToOneField(
        Location, on_delete=models.CASCADE, primary_key=True, related_name="return_list_day"
    )
    day = models.DateField()

    def __str__(self) -> str:
        return f"{self.location_id}: {self.day}"
