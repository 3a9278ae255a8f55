"""The manager's page of a location's compartments. Every query goes through `for_user`.

Pages that show packages are in `packages_app`.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from common.manager_pages import ManagerRequest, manager_page
from lockers import cabinets
from lockers.models import Compartment, Location


@manager_page
def location(request: ManagerRequest, code: str) -> HttpResponse:
    """Show the compartments of a location in their physical arrangement."""
    shown = get_object_or_404(Location.objects.for_user(request.user), code=code)
    context = {
        "location": shown,
        "cabinets": cabinets.cabinets_of(shown),
        "broken": Compartment.objects.filter(location=shown, out_of_service_at__isnull=False)
        .select_related("locker", "repair")
        .order_by("repair__due_at", *cabinets.PHYSICAL_ORDER),
        "now": timezone.now(),
        "states": cabinets.status_counts([shown.pk])[shown.pk],
        "tab": "doors",
    }
    return render(request, "lockers/location.html", context)
