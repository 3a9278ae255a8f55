"""The wall of doors. Everything through `for_user`; what lies in a door is `packages_app`'s to show."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from common.manager_pages import ManagerRequest, manager_page
from lockers import wall
from lockers.models import Compartment, Location


@manager_page
def location(request: ManagerRequest, code: str) -> HttpResponse:
    """The location's doors where they hang, by state."""
    place = get_object_or_404(Location.objects.for_user(request.user), code=code)
    context = {
        "location": place,
        "cabinets": wall.cabinets(place),
        "broken": Compartment.objects.filter(location=place, out_of_service_at__isnull=False)
        .select_related("locker", "repair")
        .order_by("repair__due_at", *wall.AS_THEY_HANG),
        "now": timezone.now(),
        "states": wall.states([place.pk])[place.pk],
        "tab": "doors",
    }
    return render(request, "lockers/location.html", context)
