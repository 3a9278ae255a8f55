"""The filters of packages in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from packages_app.models import Package, PackageQuerySet


class InDoorFilter(admin.SimpleListFilter):
    """Packages that occupy a compartment, and those that are to be taken out of one."""

    title = "location"
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("door", "In a compartment"), ("return", "To be taken out"), ("gone", "Gone")]

    def queryset(self, request: HttpRequest, queryset: PackageQuerySet) -> PackageQuerySet:  # type: ignore[override]
        """Return the packages of the choice."""
        match self.value():
            case "door":
                return queryset.in_door()
            case "return":
                return queryset.filter(pk__in=Package.objects.to_return().order_by().values("pk"))
            case "gone":
                return queryset.filter(released_at__isnull=False)
        return queryset


class OnHoldFilter(admin.SimpleListFilter):
    """Packages that are on hold."""

    title = "on hold"
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: PackageQuerySet) -> PackageQuerySet:  # type: ignore[override]
        """Return the packages of the choice."""
        if self.value() in ("yes", "no"):
            return queryset.filter(held_at__isnull=self.value() == "no")
        return queryset
