"""The manager's page of a location's downtimes, where managers also suspend and resume it.

Every query goes through `for_user`.
"""

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
    """List the location's downtimes, newest first, with the form that suspends or resumes it."""
    location = get_object_or_404(Location.objects.for_user(request.user), code=code)
    page = Paginator(location.downtimes.all(), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"location": location, "page": page, "form": SuspendForm(), "tab": "downtimes"}
    return render(request, "packages/downtimes.html", context)


@manager_action
def suspend(request: ManagerRequest, code: str) -> HttpResponse:
    """Suspend the location: it accepts no packages, recipients are told, and deadlines are paused."""
    location = get_object_or_404(Location.objects.for_user(request.user), code=code)
    form = SuspendForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was changed. Please enter a reason of up to 200 characters.")
        return redirect("manage:downtimes", code=code)
    done = f"{location.name} is suspended, and recipients are told."
    return _change(request, location, operations.suspend_location, done=done, **form.cleaned_data)


@manager_action
def resume(request: ManagerRequest, code: str) -> HttpResponse:
    """Resume the location: it accepts packages, and the holds there are extended by the time lost."""
    location = get_object_or_404(Location.objects.for_user(request.user), code=code)
    return _change(
        request, location, operations.resume_location, done=f"{location.name} accepts packages again."
    )


def _change(
    request: ManagerRequest,
    location: Location,
    operation: Callable[..., object],
    *,
    done: str,
    **facts: object,
) -> HttpResponse:
    """Run the operation, show a message, and redirect to the location's page."""
    work = partial(
        operation,
        locations=Location.objects.for_user(request.user),
        location_id=location.pk,
        by=Actor.of_user(request.user),
        now=database_now(),
        **facts,
    )
    attempt(request, work, done=done)
    return redirect("manage:downtimes", code=location.code)
