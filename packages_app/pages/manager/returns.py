"""The manager's returns round: what nobody collected is taken out of its door and ticked off."""

from __future__ import annotations

from django.contrib import messages
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from common.manager_pages import ManagerRequest, manager_action, manager_page
from lockers import wall
from lockers.models import Location
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.errors import Refusal
from packages_app.models import Package
from packages_app.pages.manager.forms import ReturnsForm

# One walk along the doors, and few enough for one form.
LONGEST_ROUND = 500
ORDERS = {"oldest": ("since", "id"), "door": tuple(f"compartment__{field}" for field in wall.AS_THEY_HANG)}


@manager_page
def returns(request: ManagerRequest, code: str) -> HttpResponse:
    """What waits to be taken out, oldest first or along the doors."""
    place = get_object_or_404(Location.objects.for_user(request.user), code=code)
    waiting = (
        Package.objects.for_user(request.user)
        .to_return()
        .filter(location=place)
        .annotate(since=Coalesce("cancelled_at", "expires_at"))
    )
    order = request.GET.get("order", "oldest")
    if order not in ORDERS:
        order = "oldest"
    context = {
        "location": place,
        "waiting": waiting.select_related("courier", "compartment__locker").order_by(*ORDERS[order])[
            :LONGEST_ROUND
        ],
        "order": order,
        "tab": "returns",
    }
    return render(request, "packages/returns.html", context)


@manager_action
def taken_out(request: ManagerRequest, code: str) -> HttpResponse:
    """Tick off one or several packages; each is a transaction of its own, so one refusal stops no other.

    One id that is no package of this location, and nothing is done at all: 404.
    """
    place = get_object_or_404(Location.objects.for_user(request.user), code=code)
    if not request.POST.getlist("packages"):
        messages.error(request, "Nothing was changed. Tick what you have taken out.")
        return redirect("manage:returns", code=code)
    form = ReturnsForm(request.POST, at=Package.objects.for_user(request.user).filter(location=place))
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
            messages.error(request, f"{package.tracking_number} was not ticked off. {refusal.detail}")
        else:
            done += 1
    if done:
        messages.success(
            request,
            f"{done} package{'s' if done != 1 else ''} ticked off. Give what you took out to its courier; "
            "the doors are free again.",
        )
