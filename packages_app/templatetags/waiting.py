"""The length of a location's queue, for the header of its pages."""

from __future__ import annotations

from django import template

from lockers.models import Location
from packages_app.models import QueueEntry

register = template.Library()


@register.simple_tag
def waiting_at(location: Location) -> int:
    """Return how many entries wait in the location's queue."""
    return QueueEntry.objects.waiting().filter(location=location).count()
