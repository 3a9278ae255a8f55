"""The manager's page of one door, and what a manager does to it. Everything through `for_user`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from common.manager_pages import ManagerRequest, attempt, manager_action, manager_page
from lockers import operations as service
from lockers.forms import RepairForm, TakeOutForm
from lockers.models import Compartment
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.life.lifecycle import Event
from packages_app.models import Package
from packages_app.operations.packages.record_found import Outcome
from packages_app.pages.manager.forms import FoundForm
from packages_app.rules import reservations

LINES = 50


@manager_page
def door(request: ManagerRequest, pk: int) -> HttpResponse:
    """Its state, what lies in it, its history, and the forms that change it."""
    found = get_object_or_404(
        Compartment.objects.for_user(request.user).select_related("location", "locker", "repair"), pk=pk
    )
    packages = Package.objects.for_user(request.user).filter(compartment=found).select_related("courier")
    maybe_inside = reservations.last_in(found)
    context = {
        "door": found,
        "location": found.location,
        "package": packages.in_door().first(),
        "history": found.events.all()[:LINES],
        "packages": packages.order_by("-created_at")[:LINES],
        "take_out_form": TakeOutForm(),
        "repair": found.planned,
        "repair_form": RepairForm(),
        "overdue": found.planned is not None
        and found.planned.checked_at is None
        and found.planned.due_at <= timezone.now(),
        "unverified": found.occupancy == Compartment.Occupancy.UNVERIFIED,
        "maybe_inside": maybe_inside,
        "called_off": maybe_inside is not None and maybe_inside.events.latest("id").event == Event.CANCELLED,
        "tab": "doors",
    }
    return render(request, "packages/door.html", context)


@manager_action
def take_out(request: ManagerRequest, pk: int) -> HttpResponse:
    """No new package gets this door."""
    found = get_object_or_404(Compartment.objects.for_user(request.user).select_related("location"), pk=pk)
    form = TakeOutForm(request.POST)
    why = "Please say in up to 200 letters why the door is taken out of service."
    if _is_filled_in(request, form, found, otherwise=why):
        done = f"Door {found.label} is out of service."
        _serve(request, pk, service.take_out_of_service, done=done, **form.cleaned_data)
    return redirect("manage:door", pk=pk)


@manager_action
def plan_repair(request: ManagerRequest, pk: int) -> HttpResponse:
    """When the door is to be back, on the clock of its location."""
    found = get_object_or_404(Compartment.objects.for_user(request.user).select_related("location"), pk=pk)
    form = RepairForm(request.POST)
    if _is_filled_in(request, form, found):
        done = f"The date is set for door {found.label}."
        _serve(request, pk, service.plan_repair, done=done, **form.cleaned_data)
    return redirect("manage:door", pk=pk)


@manager_action
def confirm_repair(request: ManagerRequest, pk: int) -> HttpResponse:
    """Somebody has seen that the door works."""
    found = get_object_or_404(Compartment.objects.for_user(request.user).select_related("repair"), pk=pk)
    now = timezone.now()
    at_once = found.planned is not None and found.planned.due_at <= now
    then = "is back in service" if at_once else "goes back at its date"
    done = f"Door {found.label} is confirmed to work, and {then}."
    _serve(request, pk, service.confirm_repair, done=done, now=now)
    return redirect("manage:door", pk=pk)


@manager_action
def put_back(request: ManagerRequest, pk: int) -> HttpResponse:
    """The door works again."""
    found = get_object_or_404(Compartment.objects.for_user(request.user), pk=pk)
    done = f"Door {found.label} is back in service."
    _serve(request, pk, service.put_back_in_service, done=done)
    return redirect("manage:door", pk=pk)


@manager_action
def parcel_found(request: ManagerRequest, pk: int) -> HttpResponse:
    """Somebody has looked into an unverified door: the parcel of the lapsed reservation is there."""
    found = get_object_or_404(Compartment.objects.for_user(request.user), pk=pk)
    form = FoundForm(request.POST)
    package = reservations.last_in(found)
    if not form.is_valid() or package is None:
        messages.error(request, "Nothing was changed. Please look at the door's page again.")
        return redirect("manage:door", pk=pk)
    outcome = Outcome(form.cleaned_data["outcome"])
    work = partial(
        operations.record_found,
        package_id=package.pk,
        by=Actor.of_user(request.user),
        now=timezone.now(),
        outcome=outcome,
    )
    done = {
        Outcome.STAYS: f"{package.tracking_number} is stored; its recipient is told the code.",
        Outcome.TAKEN_OUT: f"{package.tracking_number} is taken out. Give it to {package.courier}.",
    }
    attempt(request, work, done=done[outcome])
    return redirect("manage:door", pk=pk)


@manager_action
def confirm_empty(request: ManagerRequest, pk: int) -> HttpResponse:
    """Somebody has looked into an unverified door: it is empty."""
    found = get_object_or_404(Compartment.objects.for_user(request.user), pk=pk)
    done = f"Door {found.label} is confirmed as empty."
    _serve(request, pk, service.confirm_empty, done=done)
    return redirect("manage:door", pk=pk)


def _serve(
    request: ManagerRequest, pk: int, work: Callable[..., object], *, done: str, **arguments: object
) -> None:
    """Do it to the door and say how it went."""
    doors, by = Compartment.objects.for_user(request.user), Actor.of_user(request.user)
    work = partial(work, compartments=doors, compartment_id=pk, by=by, **{"now": timezone.now(), **arguments})
    attempt(request, work, done=done)


def _is_filled_in(
    request: ManagerRequest, form: forms.Form, found: Compartment, *, otherwise: str = ""
) -> bool:
    """Whether the form is right, its times on the clock of the door's location; else says what is wrong.

    `otherwise` says it where nothing is wrong with the time.
    """
    with timezone.override(found.location.zone):
        if form.is_valid():
            return True
        complaints = " ".join(str(error) for error in form.errors.get("repair_by", []))
    messages.error(request, f"Nothing was changed. {complaints or otherwise}")
    return False
