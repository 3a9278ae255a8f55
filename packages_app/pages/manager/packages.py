"""The manager's pages about locations and packages. Everything through `for_user`."""

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
from lockers import wall
from lockers.models import Downtime, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.life.lifecycle import TRANSITIONS, Event
from packages_app.models import Package, QueueEntry
from packages_app.pages.manager.forms import (
    HELD,
    ExtendForm,
    HoldForm,
    LocationFilter,
    PackageFilter,
    SeenForm,
)

PAGE_SIZE = 50
# What each kind of message says, in a manager's words.
MESSAGE_KINDS = {
    "stored": "Your parcel is here (with the code)",
    "code_renewed": "Your new code",
    "reminder": "Your parcel is still waiting (with the code)",
    "reminder_last": "Last hours for your parcel (with the code)",
    "extended": "More time to collect (with the code)",
    "door_failed": "Your door did not open (with the code)",
    "held": "It cannot be collected for now",
    "released": "It can be collected again (with the code)",
    "delegated": "To somebody else: please collect a parcel (with a code of their own)",
    "delegate_named": "Somebody else may collect it",
    "delegate_ended": "To somebody else: it can no longer be collected",
    "location_suspended": "The locker is out of use",
    "location_resumed": "The locker is back in use",
    "retrieved": "It has been collected",
    "expired": "The time to pick it up has ended",
    "cancelled": "It was cancelled",
    "returned": "It has gone back",
}


@manager_page
def locations(request: ManagerRequest) -> HttpResponse:
    """The locations this user manages, with their doors by state and what waits to be taken out."""
    form = LocationFilter(request.GET)
    mine = Location.objects.for_user(request.user)
    found = mine.order_by("code")
    if not form.is_valid():
        found = found.none()
    elif text := form.cleaned_data["q"]:
        found = found.filter(Q(name__icontains=text) | Q(code__icontains=text) | Q(city__icontains=text))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    states = wall.states([place.pk for place in page])
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
            "location": place,
            "states": states[place.pk],
            "waiting": waiting.get(place.pk, 0),
            "silent": place.pk in silent_ids,
        }
        for place in page
    ]
    context = {"form": form, "page": page, "rows": rows, "manages_any": mine.exists()}
    return render(request, "packages/locations.html", context)


@manager_page
def packages(request: ManagerRequest, code: str) -> HttpResponse:
    """A location's packages, newest first; by status and by a part of the tracking number."""
    place = get_object_or_404(Location.objects.for_user(request.user), code=code)
    form = PackageFilter(request.GET)
    found = Package.objects.for_user(request.user).filter(location=place).order_by("-created_at", "id")
    if not form.is_valid():
        found = found.none()
    else:
        if text := form.cleaned_data["q"]:
            found = found.filter(tracking_number__icontains=text)
        status = form.cleaned_data["status"]
        if status == HELD:
            found = found.filter(held_at__isnull=False)
        elif status:
            found = found.filter(status=status)
    found = found.select_related("courier", "compartment__locker")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"location": place, "form": form, "page": page, "tab": "packages"}
    return render(request, "packages/packages.html", context)


@manager_page
def queue(request: ManagerRequest, code: str) -> HttpResponse:
    """Who waits for a door at a full location, in their order."""
    place = get_object_or_404(Location.objects.for_user(request.user), code=code)
    waiting = QueueEntry.objects.for_user(request.user).waiting().filter(location=place)
    page = Paginator(waiting.select_related("courier").with_position(), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    return render(request, "packages/queue.html", {"location": place, "page": page, "tab": "queue"})


@manager_page
def package(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """One package: where it lies, its history, what its recipient was told, and what can be done."""
    found = get_object_or_404(
        Package.objects.for_user(request.user).select_related("location", "courier", "compartment__locker"),
        pk=pk,
    )
    told = Notification.objects.about(f"package:{found.pk}").defer("context", "reason")
    allowed = {event: found.status in TRANSITIONS[event] for event in Event}
    context = {
        "package": found,
        "location": found.location,
        "clock_stands": found.location.downtimes.unsettled().exists()
        and found.status == Package.Status.STORED,
        "history": found.events.select_related("compartment__locker"),
        "told": [(MESSAGE_KINDS.get(message.kind, message.kind), message) for message in told],
        "seen": found.updated_at.isoformat(),
        "can_resend": allowed[Event.CODE_RENEWED] and not found.held_at,
        "can_return": allowed[Event.RETURNED] and found.holds_door,
        "hold_form": HoldForm() if allowed[Event.HELD] and not found.held_at else None,
        "extend_form": ExtendForm(initial={"seen": found.updated_at.isoformat()})
        if allowed[Event.EXTENDED] and not found.held_at
        else None,
        "delegate": found.delegate,
        "latest": found.latest_end if allowed[Event.EXTENDED] else None,
        "tab": "packages",
    }
    return render(request, "packages/package.html", context)


@manager_action
def resend_code(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """The recipient gets a new code; the old one opens nothing any more."""
    done = "A new code is on its way to the recipient. The old one opens nothing any more."
    return _change(request, pk, operations.resend_code, SeenForm(request.POST), done=done)


@manager_action
def extend(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """The package may wait longer."""
    done = "The package waits longer, and its code works."
    return _change(request, pk, operations.extend, ExtendForm(request.POST), done=done)


@manager_action
def hold(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """Nobody gets the package until it is released."""
    done = "The package is held back: no code opens its door until it is released."
    return _change(request, pk, operations.put_on_hold, HoldForm(request.POST), done=done)


@manager_action
def release(request: ManagerRequest, pk: UUID) -> HttpResponse:
    """The package may be collected again."""
    return _change(
        request, pk, operations.release_hold, Form(request.POST), done="The package is held back no longer."
    )


def _change(
    request: ManagerRequest, pk: UUID, operation: Callable[..., object], form: Form, *, done: str
) -> HttpResponse:
    """Do it to the package with what the form says, say how it went, and back to its page."""
    get_object_or_404(Package.objects.for_user(request.user), pk=pk)
    if form.is_valid():
        by = Actor.of_user(request.user)
        work = partial(operation, package_id=pk, by=by, now=timezone.now(), **form.cleaned_data)
        attempt(request, work, done=done)
    else:
        messages.error(request, "Nothing was changed: the form was not complete. Please try again.")
    return redirect("manage:package", pk=pk)
