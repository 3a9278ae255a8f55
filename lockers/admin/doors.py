"""Lockers and their compartments in the admin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.admin_actions import act_on_each, actor, ask
from common.admin_readonly import NoAddOrDelete, NoDelete, ReadOnlyAdmin, SaveChangedFields, never
from lockers import operations
from lockers.forms import RepairForm, TakeOutForm
from lockers.layout import DEFAULT, SIZE_NAMES, LayoutError, check_room, extend, parse
from lockers.models import Compartment, CompartmentEvent, Locker


class NewLockerForm(ModelForm[Locker]):
    """The location of a further locker, and its compartments."""

    layout = forms.CharField(initial=DEFAULT, help_text=f"Compartments of each size, {SIZE_NAMES}")

    class Meta:
        model = Locker
        fields = ("location",)

    def clean(self) -> dict[str, Any]:
        """Check that the location has room for the layout."""
        cleaned = super().clean() or self.cleaned_data
        try:
            cleaned["layout"] = parse(cleaned.get("layout", ""))
            if cleaned.get("location"):
                check_room(cleaned["location"], cleaned["layout"])
        except LayoutError as error:
            self.add_error("layout", str(error))
        return cleaned


@admin.register(Locker)
class LockerAdmin(NoDelete, admin.ModelAdmin[Locker]):
    """Lockers. Another one may be added at a location; none is changed."""

    form = NewLockerForm
    list_display = ("__str__", "location")
    list_select_related = ("location",)
    search_fields = ("location__code", "location__name", "name")
    autocomplete_fields = ("location",)
    has_change_permission = never

    def get_fields(self, request: HttpRequest, obj: Locker | None = None) -> tuple[str, ...]:
        """Ask for no name: a new locker gets the next one."""
        return ("location", "layout") if obj is None else ("location", "name")

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Locker, form: Any, change: bool) -> None:
        """Add the lockers of the layout; of several, the first stands for all in the log."""
        first = extend(form.cleaned_data["location"], form.cleaned_data["layout"])[0]
        obj.pk, obj.name = first.pk, first.name


class RepairFilter(admin.SimpleListFilter):
    """Compartments by the state of their repair."""

    title = "repair"
    parameter_name = "repair"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("overdue", "Overdue"), ("planned", "Planned"), ("checked", "Checked"), ("none", "No date")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> QuerySet[Compartment]:
        """Return the compartments of the choice."""
        match self.value():
            case "overdue":
                return queryset.filter(repair__due_at__lte=timezone.now(), repair__checked_at__isnull=True)
            case "planned":
                return queryset.filter(repair__due_at__gt=timezone.now(), repair__checked_at__isnull=True)
            case "checked":
                return queryset.filter(repair__checked_at__isnull=False)
            case "none":
                return queryset.filter(out_of_service_at__isnull=False, repair__isnull=True)
        return queryset


class CompartmentEventInline(NoAddOrDelete, admin.TabularInline[CompartmentEvent, Compartment]):
    """The history of a compartment."""

    model = CompartmentEvent
    fields = readonly_fields = ("at", "kind", "by", "reason")


@admin.register(Compartment)
class CompartmentAdmin(SaveChangedFields, NoAddOrDelete, admin.ModelAdmin[Compartment]):
    """Compartments. Packages occupy them; staff say whether one works and whether it is empty."""

    list_display = ("__str__", "location", "size", "state", "out_of_service_reason", "back_by", "accessible")
    list_select_related = ("location", "locker", "repair")
    list_filter = (
        "size",
        "occupancy",
        ("out_of_service_at", admin.EmptyFieldListFilter),
        RepairFilter,
        "accessible",
    )
    search_fields = ("location__code", "location__name", "=label")
    show_full_result_count = False
    fields = (
        ("location", "locker", "label"),
        ("size", "column", "row", "position"),
        "accessible",
        "occupancy",
        ("out_of_service_at", "out_of_service_reason"),
        "back_by",
    )
    readonly_fields = tuple(
        name for row in fields for name in ((row,) if isinstance(row, str) else row) if name != "accessible"
    )
    inlines = (CompartmentEventInline,)
    actions = (
        "take_out_of_service",
        "plan_repair",
        "confirm_repair",
        "put_back_in_service",
        "confirm_empty",
    )

    @admin.display(description="status", ordering="occupancy")
    def state(self, compartment: Compartment) -> str:
        """Return the status that everybody sees."""
        return compartment.status.label

    @admin.display(description="back by", ordering="repair__due_at", empty_value="-")
    def back_by(self, compartment: Compartment) -> str | None:
        """Return when it is to be back, and whether somebody has confirmed that it works."""
        repair = compartment.planned
        if repair is None:
            return None
        when = f"{timezone.localtime(repair.due_at):%Y-%m-%d %H:%M}"
        if repair.checked_at:
            return f"{when}, checked by {repair.checked_by}"
        return f"{when}, overdue" if repair.due_at <= timezone.now() else when

    @admin.action(description="Take out of service", permissions=["change"])
    def take_out_of_service(
        self, request: HttpRequest, queryset: QuerySet[Compartment]
    ) -> HttpResponse | None:
        """Take them out of service: no new packages, but packages inside can still be picked up."""
        typed = ask(
            self,
            request,
            queryset,
            TakeOutForm,
            title="Take compartments out of service",
            action="take_out_of_service",
        )
        if isinstance(typed, HttpResponse):
            return typed
        take_out = partial(operations.take_out_of_service, **typed)
        self._each(request, queryset, take_out, done="taken out of service")
        return None

    @admin.action(description="Set the date at which they are to be back in service", permissions=["change"])
    def plan_repair(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> HttpResponse | None:
        """Plan the repair, by the clock of head office."""
        typed = ask(self, request, queryset, RepairForm, title="Plan repairs", action="plan_repair")
        if isinstance(typed, HttpResponse):
            return typed
        plan = partial(operations.plan_repair, repair_by=typed["repair_by"])
        self._each(request, queryset, plan, done="planned to be back")
        return None

    @admin.action(description="Confirm that they work", permissions=["change"])
    def confirm_repair(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> None:
        """Confirm that they work: they go back in service at their date."""
        self._each(request, queryset, operations.confirm_repair, done="confirmed to work")

    @admin.action(description="Put back in service", permissions=["change"])
    def put_back_in_service(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> None:
        """Put them back in service: they work again."""
        self._each(request, queryset, operations.put_back_in_service, done="put back in service")

    @admin.action(description="Mark as empty", permissions=["change"])
    def confirm_empty(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> None:
        """Mark them as empty: somebody has looked inside."""
        self._each(request, queryset, operations.confirm_empty, done="marked as empty")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Compartment],
        operation: Callable[..., object],
        *,
        done: str,
    ) -> None:
        compartments, by, now = Compartment.objects.all(), actor(request), timezone.now()

        def act(pk: int) -> object:
            return operation(compartments=compartments, compartment_id=pk, by=by, now=now)

        act_on_each(self, request, queryset, act, done=done)


@admin.register(CompartmentEvent)
class CompartmentEventAdmin(ReadOnlyAdmin):
    """The history of all compartments."""

    list_display = ("at", "compartment", "kind", "by", "reason")
    list_select_related = ("compartment__locker__location",)
    list_filter = ("kind", "at")
    search_fields = ("compartment__location__code", "by", "reason")
