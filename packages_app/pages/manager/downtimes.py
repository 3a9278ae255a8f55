"""The manager's page of a location's downtimes, where it is suspended and resumed. All through `for_user`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from common.clock import database_now
from common.manager_pages import ManagerRequest, attempt, manager_action, manager_page
from lockers.models import Location
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.pages.manager.forms import SuspendForm

PAGE_SIZE = 50


@manager_page
def downtimes(request: ManagerRequest, code: str) -> HttpResponse:
    """When nobody could collect here and why, newest first; and the form that suspends or resumes."""
    place = get_object_or_404(Location.objects.for_user(request.user), code=code)
    page = Paginator(place.downtimes.all(), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"location": place, "page": page, "form": SuspendForm(), "tab": "downtimes"}
    return render(request, "packages/downtimes.html", context)


@manager_action
def suspend(request: ManagerRequest, code: str) -> HttpResponse:
    """No new packages; recipients are told, and their time stands still."""
    place = get_object_or_404(Location.objects.for_user(request.user), code=code)
    form = SuspendForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was changed. Please say in up to 200 letters why it is suspended.")
        return redirect("manage:downtimes", code=code)
    done = f"{place.name} is suspended, and recipients are told."
    return _change(request, place, operations.suspend_location, done=done, **form.cleaned_data)


@manager_action
def resume(request: ManagerRequest, code: str) -> HttpResponse:
    """Packages are taken again; what waits here gets the lost time."""
    place = get_object_or_404(Location.objects.for_user(request.user), code=code)
    return _change(request, place, operations.resume_location, done=f"{place.name} takes packages again.")


def _change(
    request: ManagerRequest, place: Location, operation: Callable[..., object], *, done: str, **facts: object
) -> HttpResponse:
    """Do it to the location, say how it went, and back to its page."""
    work = partial(
        operation,
        locations=Location.objects.for_user(request.user),
        location_id=place.pk,
        by=Actor.of_user(request.user),
        now=database_now(),
        **facts,
    )
    attempt(request, work, done=done)
    return redirect("manage:downtimes", code=place.code)
