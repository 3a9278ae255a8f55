"""How many wait for a door, for the header of a location's pages."""

from __future__ import annotations

from django import template

from lockers.models import Location
from packages_app.models import QueueEntry

register = template.Library()


@register.simple_tag
def waiting_at(location: Location) -> int:
    """The length of the location's queue."""
    return QueueEntry.objects.waiting().filter(location=location).count()
