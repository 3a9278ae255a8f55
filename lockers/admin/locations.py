"""Locations and their kiosks in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.forms import ModelForm
from django.http import HttpRequest

from common.admin_readonly import NoDelete, SaveChangedFields
from lockers import availability
from lockers.layout import DEFAULT, SIZE_NAMES, Counts, LayoutError, install, lay_out, parse
from lockers.models import Kiosk, Location, Membership

LOCATION_FIELDS = (
    "code",
    "name",
    "country",
    "region",
    "city",
    "address",
    "latitude",
    "longitude",
    "time_zone",
    "hold_days",
    "max_hold_days",
    "reminder_hours",
    "reminder_last_hours",
    "morning_hour",
    "quiet_from",
    "quiet_until",
    "strategy",
    "sandbox",
)


class LocationForm(ModelForm[Location]):
    """A location; a new one with its compartments."""

    layout = forms.CharField(
        required=False,
        initial=DEFAULT,
        help_text=f"Compartments of each size, {SIZE_NAMES}. Leave empty for none.",
    )

    class Meta:
        model = Location
        fields = LOCATION_FIELDS

    def clean_layout(self) -> Counts | None:
        """Return the number of compartments of each size, or None for no compartments."""
        text = self.cleaned_data["layout"]
        try:
            return parse(text) if text.strip() else None
        except LayoutError as error:
            raise forms.ValidationError(str(error)) from None


class MembershipInline(admin.TabularInline[Membership, Location]):
    """The managers of a location."""

    model = Membership
    autocomplete_fields = ("user",)
    extra = 0
    verbose_name = "manager"


class CountedChangeList(ChangeList):
    """Counts the compartments of the locations on a page, all in one query."""

    def get_results(self, request: HttpRequest) -> None:
        """Set `counts` on each location."""
        super().get_results(request)
        counted = availability.totals([location.pk for location in self.result_list])
        for location in self.result_list:
            location.counts = counted[location.pk]


class LocationAdmin(SaveChangedFields, NoDelete, admin.ModelAdmin[Location]):
    """Locations, how full they are, and who manages them.

    `packages_app.admin.locations` registers it, with the actions that concern the packages there.
    """

    form = LocationForm
    list_display = ("code", "name", "city", "country", "free", "taken", "not_usable", "suspended_reason")
    list_filter = (
        "country",
        ("suspended_at", admin.EmptyFieldListFilter),
        "strategy",
        "sandbox",
        "time_zone",
    )
    search_fields = ("code", "name", "city", "address")
    list_per_page = 50
    inlines = (MembershipInline,)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list with the compartments counted."""
        return CountedChangeList

    def get_fields(self, request: HttpRequest, obj: Location | None = None) -> Any:
        """Ask for the layout of a new location; show the state of a known one."""
        if obj is None:
            return (*LOCATION_FIELDS, "layout")
        return (*LOCATION_FIELDS, "suspended_at", "suspended_reason", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Location | None = None) -> tuple[str, ...]:
        """Keep the code, which couriers' systems know, and whether the location is in the sandbox."""
        return () if obj is None else ("code", "sandbox", "suspended_at", "suspended_reason", "created_at")

    def save_model(self, request: HttpRequest, obj: Location, form: Any, change: bool) -> None:
        """Save the location, and the compartments of a new one, in one transaction."""
        super().save_model(request, obj, form, change)
        counts = None if change else form.cleaned_data["layout"]
        if counts is not None:
            install([obj], lay_out(counts))

    @admin.display(description="free compartments")
    def free(self, location: Any) -> str:
        """Return how many compartments are free, of how many."""
        return f"{location.counts['available']} of {location.counts['total']}"

    @admin.display(description="with a package")
    def taken(self, location: Any) -> int:
        """Return how many are occupied or reserved."""
        count: int = location.counts["occupied"] + location.counts["reserved"]
        return count

    @admin.display(description="not usable")
    def not_usable(self, location: Any) -> int:
        """Return how many are out of service or unverified."""
        count: int = location.counts["out_of_service"] + location.counts["unverified"]
        return count


class KioskAdmin(SaveChangedFields, NoDelete, admin.ModelAdmin[Kiosk]):
    """Kiosks, their heartbeats, and whether one is locked after wrong codes.

    `packages_app.admin.locations` registers it, with the action that concerns hold periods.
    """

    list_display = (
        "__str__",
        "location",
        "last_seen_at",
        "software_version",
        "wrong_codes_in_row",
        "locked_until",
    )
    list_select_related = ("location",)
    list_filter = (("locked_until", admin.EmptyFieldListFilter), "last_seen_at", "software_version")
    search_fields = ("location__code", "location__name", "name")
    autocomplete_fields = ("location",)
    readonly_fields = (
        "last_seen_at",
        "software_version",
        "wrong_codes_in_row",
        "locked_until",
        "created_at",
    )
