"""The manager's page of returns: packages to take out of their compartments for their couriers."""

from __future__ import annotations

from django.contrib import messages
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from common.manager_pages import ManagerRequest, manager_action, manager_page
from lockers import cabinets
from lockers.models import Location
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.errors import Refusal
from packages_app.models import Package
from packages_app.pages.manager.forms import ReturnsForm

# As many as a person takes out in one round, and as fit into one form.
LONGEST_ROUND = 500
ORDERS = {
    "oldest": ("since", "id"),
    "door": tuple(f"compartment__{field}" for field in cabinets.PHYSICAL_ORDER),
}


@manager_page
def returns(request: ManagerRequest, code: str) -> HttpResponse:
    """List the packages to take out, oldest first or in the order of the compartments."""
    location = get_object_or_404(Location.objects.for_user(request.user), code=code)
    waiting = (
        Package.objects.for_user(request.user)
        .to_return()
        .filter(location=location)
        .annotate(since=Coalesce("cancelled_at", "expires_at"))
    )
    order = request.GET.get("order", "oldest")
    if order not in ORDERS:
        order = "oldest"
    context = {
        "location": location,
        "waiting": waiting.select_related("courier", "compartment__locker").order_by(*ORDERS[order])[
            :LONGEST_ROUND
        ],
        "order": order,
        "tab": "returns",
    }
    return render(request, "packages/returns.html", context)


@manager_action
def taken_out(request: ManagerRequest, code: str) -> HttpResponse:
    """Mark packages as taken out, each in its own transaction, so that a refusal does not stop the others.

    If one of the ids is not a package of this location, nothing is done: 404.
    """
    location = get_object_or_404(Location.objects.for_user(request.user), code=code)
    if not request.POST.getlist("packages"):
        messages.error(request, "Nothing was changed. Select the packages that you have taken out.")
        return redirect("manage:returns", code=code)
    form = ReturnsForm(request.POST, at=Package.objects.for_user(request.user).filter(location=location))
    if not form.is_valid():
        raise Http404
    _take_out(request, list(form.cleaned_data["packages"].select_related("compartment")))
    return redirect("manage:returns", code=code)


def _take_out(request: ManagerRequest, packages: list[Package]) -> None:
    by, now, done = Actor.of_user(request.user), timezone.now(), 0
    for package in packages:
        try:
            operations.return_to_courier(package_id=package.pk, by=by, now=now)
        except Refusal as refusal:
            messages.error(
                request, f"{package.tracking_number} was not marked as taken out. {refusal.detail}"
            )
        else:
            done += 1
    if done:
        messages.success(
            request,
            f"{done} package{'s' if done != 1 else ''} marked as taken out. Give "
            f"{'them' if done != 1 else 'it'} to the courier; the compartments are available again.",
        )
