"""The manager's pages of locations and packages. Every query goes through `for_user`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from common.manager_pages import ManagerRequest, attempt, manager_action, manager_page
from lockers import cabinets
from lockers.models import Downtime, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.life.kinds import kind_of
from packages_app.life.lifecycle import TRANSITIONS, Event
from packages_app.models import Package, QueueEntry
from packages_app.pages.manager.forms import (
    ON_HOLD,
    ExtendForm,
    HoldForm,
    LocationFilter,
    PackageFilter,
    SeenForm,
)

PAGE_SIZE = 50


@manager_page
def locations(request: ManagerRequest) -> HttpResponse:
    """List the user's locations, with compartments by status and the number of packages to take out."""
    form = LocationFilter(request.GET)
    mine = Location.objects.for_user(request.user)
    listed = mine.order_by("code")
    if not form.is_valid():
        listed = listed.none()
    elif text := form.cleaned_data["q"]:
        listed = listed.filter(Q(name__icontains=text) | Q(code__icontains=text) | Q(city__icontains=text))
    page = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    states = cabinets.status_counts([location.pk for location in page])
    waiting = dict(
        Package.objects.to_return()
        .filter(location__in=list(page))
        .order_by()
        .values_list("location_id")
        .annotate(Count("id"))
    )
    silent = Downtime.objects.open().filter(location__in=list(page), cause=Downtime.Cause.SILENT)
    silent_ids = set(silent.values_list("location_id", flat=True))
    rows = [
        {
            "location": location,
            "states": states[location.pk],
            "waiting": waiting.get(location.pk, 0),
            "silent": location.pk in silent_ids,
        }
        for location in page
    ]
    context = {"form": form, "page": page, "rows": rows, "manages_any": mine.exists()}
    return render(request, "packages/locations.html", context)


@manager_page
def packages(request: ManagerRequest, code: str) -> HttpResponse:
    """List a location's packages, newest first, by status and by part of the tracking number."""
    location = get_object_or_404(Location.objects.for_user(request.user), code=code)
    form = PackageFilter(request.GET)
    listed = Package.objects.for_user(request.user).filter(location=location).order_by("-created_at", "id")
    if not form.is_valid():
        listed = listed.none()
    else:
        if text := form.cleaned_data["q"]:
            listed = listed.filter(tracking_number__icontains=text)
        status = form.cleaned_data["status"]
        if status == ON_HOLD:
            listed = listed.filter(held_at__isnull=False)
        elif status:
            listed = listed.filter(status=status)
    listed = listed.select_related("courier", "compartment__locker")
    page = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"location": location, "form": form, "page": page, "tab": "packages"}
    return render(request, "packages/packages.html", context)


@manager_page
def queue(request: ManagerRequest, code: str) -> HttpResponse:
    """List the queue of a location, the next entry first."""
    location = get_object_or_404(Location.objects.for_user(request.user), code=code)
    waiting = QueueEntry.objects.for_user(request.user).waiting().filter(location=location)
    page = Paginator(waiting.select_related("courier").with_position(), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    return render(request, "packages/queue.html", {"location": location, "page": page, "tab": "queue"})


@manager_page
def package(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """Show a package: its compartment, its history, the messages about it, and the possible actions."""
    shown = get_object_or_404(
        Package.objects.for_user(request.user).select_related("location", "courier", "compartment__locker"),
        pk=pk,
    )
    sent = Notification.objects.about(f"package:{shown.pk}").defer("context", "reason")
    allowed = {event: shown.status in TRANSITIONS[event] for event in Event}
    context = {
        "package": shown,
        "location": shown.location,
        "clock_stands": shown.location.downtimes.unsettled().exists()
        and shown.status == Package.Status.STORED,
        "history": shown.events.select_related("compartment__locker"),
        "told": [(kind_of(message.kind).title or message.kind, message) for message in sent],
        "seen": shown.updated_at.isoformat(),
        "can_resend": allowed[Event.CODE_RENEWED] and not shown.held_at,
        "can_return": allowed[Event.RETURNED] and shown.holds_door,
        "hold_form": HoldForm() if allowed[Event.HELD] and not shown.held_at else None,
        "extend_form": ExtendForm(initial={"seen": shown.updated_at.isoformat()})
        if allowed[Event.EXTENDED] and not shown.held_at
        else None,
        "delegate": shown.delegate,
        "latest": shown.latest_end if allowed[Event.EXTENDED] else None,
        "tab": "packages",
    }
    return render(request, "packages/package.html", context)


@manager_action
def resend_code(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """Send the recipient a new pickup code; the old one stops working."""
    done = "A new pickup code is on its way to the recipient. The old code no longer works."
    return _change(request, pk, operations.resend_code, SeenForm(request.POST), done=done)


@manager_action
def extend(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """Extend the hold of the package."""
    done = "The hold is extended, and the pickup code works."
    return _change(request, pk, operations.extend, ExtendForm(request.POST), done=done)


@manager_action
def hold(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """Put the package on hold: no code opens its door until it is released."""
    done = "The package is on hold: no code opens its door until you release it."
    return _change(request, pk, operations.put_on_hold, HoldForm(request.POST), done=done)


@manager_action
def release(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """Release a package that is on hold, so that it can be picked up again."""
    return _change(
        request, pk, operations.release_hold, Form(request.POST), done="The package is no longer on hold."
    )


def _change(
    request: ManagerRequest, pk: UUID, operation: Callable[..., object], form: Form, *, done: str
) -> HttpResponse:
    """Run the operation with the form's data, show a message, and redirect to the package's page."""
    get_object_or_404(Package.objects.for_user(request.user), pk=pk)
    if form.is_valid():
        by = Actor.of_user(request.user)
        work = partial(operation, package_id=pk, by=by, now=timezone.now(), **form.cleaned_data)
        attempt(request, work, done=done)
    else:
        messages.error(request, "Nothing was changed, because the form was incomplete. Please try again.")
    return redirect("manage:package", pk=pk)
