"""Cabinets and their doors. Packages change what is inside; staff say what works and what is empty."""

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

from common.admin_actions import KeepsRows, NothingToAdd, SavesWhatChanged, act_on_each, actor, ask
from lockers import operations
from lockers.forms import RepairForm, TakeOutForm
from lockers.layout import DEFAULT, SIZE_NAMES, LayoutError, check_room, extend, parse
from lockers.models import Compartment, CompartmentEvent, Locker


class NewLockerForm(ModelForm[Locker]):
    """Where a further cabinet stands, and its doors."""

    layout = forms.CharField(initial=DEFAULT, help_text=f"Doors of each size, {SIZE_NAMES}")

    class Meta:
        model = Locker
        fields = ("location",)

    def clean(self) -> dict[str, Any]:
        """A layout that there is room for."""
        cleaned = super().clean() or self.cleaned_data
        try:
            cleaned["layout"] = parse(cleaned.get("layout", ""))
            if cleaned.get("location"):
                check_room(cleaned["location"], cleaned["layout"])
        except LayoutError as error:
            self.add_error("layout", str(error))
        return cleaned


@admin.register(Locker)
class LockerAdmin(KeepsRows, admin.ModelAdmin[Locker]):
    """The cabinets. One more may be put up at a location; none is changed."""

    form = NewLockerForm
    list_display = ("__str__", "location")
    list_select_related = ("location",)
    search_fields = ("location__code", "location__name", "name")
    autocomplete_fields = ("location",)

    def has_change_permission(self, request: HttpRequest, obj: Locker | None = None) -> bool:
        """Nobody edits."""
        return False

    def get_fields(self, request: HttpRequest, obj: Locker | None = None) -> tuple[str, ...]:
        """A new one gets its name by itself."""
        return ("location", "layout") if obj is None else ("location", "name")

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Locker, form: Any, change: bool) -> None:
        """A wide layout makes several; the first stands for them in the log."""
        first = extend(form.cleaned_data["location"], form.cleaned_data["layout"])[0]
        obj.pk, obj.name = first.pk, first.name


class RepairFilter(admin.SimpleListFilter):
    """Doors by the state of their repair."""

    title = "repair"
    parameter_name = "repair"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("overdue", "Overdue"), ("planned", "Planned"), ("checked", "Checked"), ("none", "No date")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> QuerySet[Compartment]:
        """The doors of the choice."""
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


class CompartmentEventInline(NothingToAdd, admin.TabularInline[CompartmentEvent, Compartment]):
    """What happened to the door."""

    model = CompartmentEvent
    fields = readonly_fields = ("at", "kind", "by", "reason")


@admin.register(Compartment)
class CompartmentAdmin(SavesWhatChanged, NothingToAdd, admin.ModelAdmin[Compartment]):
    """The doors. Packages change what is inside; staff say whether a door works and whether it is empty."""

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
        """What everybody sees."""
        return compartment.status.label

    @admin.display(description="back by", ordering="repair__due_at", empty_value="-")
    def back_by(self, compartment: Compartment) -> str | None:
        """When it is to be back, and whether somebody has seen it work."""
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
        """No new package; what lies in it can still be collected."""
        typed = ask(
            self,
            request,
            queryset,
            TakeOutForm,
            title="Take doors out of service",
            action="take_out_of_service",
        )
        if isinstance(typed, HttpResponse):
            return typed
        now = timezone.now()
        act_on_each(
            request,
            queryset,
            lambda pk: operations.take_out_of_service(
                compartments=Compartment.objects.all(),
                compartment_id=pk,
                by=actor(request),
                reason=typed["reason"],
                now=now,
                repair_by=typed["repair_by"],
            ),
            done="taken out of service",
        )
        return None

    @admin.action(description="Say when they are to be back in service", permissions=["change"])
    def plan_repair(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> HttpResponse | None:
        """On the clock of head office."""
        typed = ask(self, request, queryset, RepairForm, title="Plan repairs", action="plan_repair")
        if isinstance(typed, HttpResponse):
            return typed
        plan = partial(operations.plan_repair, repair_by=typed["repair_by"])
        self._each(request, queryset, plan, done="planned to be back")
        return None

    @admin.action(description="Confirm that they work: checked", permissions=["change"])
    def confirm_repair(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> None:
        """They go back at their date."""
        confirm = partial(operations.confirm_repair, now=timezone.now())
        self._each(request, queryset, confirm, done="confirmed to work")

    @admin.action(description="Put back in service", permissions=["change"])
    def put_back_in_service(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> None:
        """They work again."""
        self._each(request, queryset, operations.put_back_in_service, done="put back in service")

    @admin.action(description="Confirm that they are empty", permissions=["change"])
    def confirm_empty(self, request: HttpRequest, queryset: QuerySet[Compartment]) -> None:
        """Somebody has looked inside."""
        self._each(request, queryset, operations.confirm_empty, done="confirmed as empty")

    def _each(
        self, request: HttpRequest, queryset: QuerySet[Compartment], call: Callable[..., object], *, done: str
    ) -> None:
        def act(pk: int) -> object:
            return call(compartments=Compartment.objects.all(), compartment_id=pk, by=actor(request))

        act_on_each(request, queryset, act, done=done)


@admin.register(CompartmentEvent)
class CompartmentEventAdmin(NothingToAdd, admin.ModelAdmin[CompartmentEvent]):
    """The history of doors, to read."""

    list_display = ("at", "compartment", "kind", "by", "reason")
    list_select_related = ("compartment__locker__location",)
    list_filter = ("kind", "at")
    search_fields = ("compartment__location__code", "by", "reason")
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: CompartmentEvent | None = None) -> bool:
        """Nobody edits history."""
        return False
