"""The manager's page of a compartment and its actions. Every query goes through `for_user`."""

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

MOST_LINES = 50


@manager_page
def compartment(request: ManagerRequest, pk: int) -> HttpResponse:
    """Show the compartment's status, contents and history, and the forms that change it."""
    compartment = get_object_or_404(
        Compartment.objects.for_user(request.user).select_related("location", "locker", "repair"), pk=pk
    )
    packages = (
        Package.objects.for_user(request.user).filter(compartment=compartment).select_related("courier")
    )
    maybe_inside = reservations.last_in(compartment)
    context = {
        "door": compartment,
        "location": compartment.location,
        "package": packages.in_door().first(),
        "history": compartment.events.all()[:MOST_LINES],
        "packages": packages.order_by("-created_at")[:MOST_LINES],
        "take_out_form": TakeOutForm(),
        "repair": compartment.planned,
        "repair_form": RepairForm(),
        "overdue": compartment.planned is not None
        and compartment.planned.checked_at is None
        and compartment.planned.due_at <= timezone.now(),
        "unverified": compartment.occupancy == Compartment.Occupancy.UNVERIFIED,
        "maybe_inside": maybe_inside,
        "called_off": maybe_inside is not None and maybe_inside.events.latest("id").event == Event.CANCELLED,
        "tab": "doors",
    }
    return render(request, "packages/door.html", context)


@manager_action
def take_out(request: ManagerRequest, pk: int) -> HttpResponse:
    """Take the compartment out of service: it gets no new package."""
    compartment = get_object_or_404(
        Compartment.objects.for_user(request.user).select_related("location"), pk=pk
    )
    form = TakeOutForm(request.POST)
    why = "Please enter a reason of up to 200 characters."
    if _is_filled_in(request, form, compartment, otherwise=why):
        done = f"Compartment {compartment.label} is out of service."
        _serve(request, pk, service.take_out_of_service, done=done, **form.cleaned_data)
    return redirect("manage:door", pk=pk)


@manager_action
def plan_repair(request: ManagerRequest, pk: int) -> HttpResponse:
    """Set the date by which the compartment is to be back in service, in the location's time zone."""
    compartment = get_object_or_404(
        Compartment.objects.for_user(request.user).select_related("location"), pk=pk
    )
    form = RepairForm(request.POST)
    if _is_filled_in(request, form, compartment):
        done = f"The date for compartment {compartment.label} is set."
        _serve(request, pk, service.plan_repair, done=done, **form.cleaned_data)
    return redirect("manage:door", pk=pk)


@manager_action
def confirm_repair(request: ManagerRequest, pk: int) -> HttpResponse:
    """Confirm that somebody has seen the door work."""
    compartment = get_object_or_404(
        Compartment.objects.for_user(request.user).select_related("repair"), pk=pk
    )
    now = timezone.now()
    at_once = compartment.planned is not None and compartment.planned.due_at <= now
    then = "is back in service" if at_once else "will be back in service on its date"
    done = f"Compartment {compartment.label} works, and {then}."
    _serve(request, pk, service.confirm_repair, done=done, now=now)
    return redirect("manage:door", pk=pk)


@manager_action
def put_back(request: ManagerRequest, pk: int) -> HttpResponse:
    """Put the compartment back in service."""
    compartment = get_object_or_404(Compartment.objects.for_user(request.user), pk=pk)
    done = f"Compartment {compartment.label} is back in service."
    _serve(request, pk, service.put_back_in_service, done=done)
    return redirect("manage:door", pk=pk)


@manager_action
def parcel_found(request: ManagerRequest, pk: int) -> HttpResponse:
    """Record that the package of a lapsed reservation was found in an unverified compartment."""
    compartment = get_object_or_404(Compartment.objects.for_user(request.user), pk=pk)
    form = FoundForm(request.POST)
    package = reservations.last_in(compartment)
    if not form.is_valid() or package is None:
        messages.error(request, "Nothing was changed. Please check the compartment's page and try again.")
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
        Outcome.STAYS: f"{package.tracking_number} is stored, and its recipient is sent the pickup code.",
        Outcome.TAKEN_OUT: f"{package.tracking_number} is marked as taken out. Give it to {package.courier}.",
    }
    attempt(request, work, done=done[outcome])
    return redirect("manage:door", pk=pk)


@manager_action
def confirm_empty(request: ManagerRequest, pk: int) -> HttpResponse:
    """Mark an unverified compartment as empty, after somebody has looked inside."""
    compartment = get_object_or_404(Compartment.objects.for_user(request.user), pk=pk)
    done = f"Compartment {compartment.label} is marked as empty."
    _serve(request, pk, service.confirm_empty, done=done)
    return redirect("manage:door", pk=pk)


def _serve(
    request: ManagerRequest, pk: int, work: Callable[..., object], *, done: str, **arguments: object
) -> None:
    """Do the work on the compartment and show a message."""
    compartments, by = Compartment.objects.for_user(request.user), Actor.of_user(request.user)
    arguments = {"now": timezone.now(), **arguments}
    attempt(
        request, partial(work, compartments=compartments, compartment_id=pk, by=by, **arguments), done=done
    )


def _is_filled_in(
    request: ManagerRequest, form: forms.Form, compartment: Compartment, *, otherwise: str = ""
) -> bool:
    """Return whether the form is valid, with times in the location's time zone; show a message if it is not.

    `otherwise` is the message if the time is valid and something else is not.
    """
    with timezone.override(compartment.location.zone):
        if form.is_valid():
            return True
        complaints = " ".join(str(error) for error in form.errors.get("repair_by", []))
    messages.error(request, f"Nothing was changed. {complaints or otherwise}")
    return False
