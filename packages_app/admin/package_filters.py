"""By what packages are looked for in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from packages_app.models import Package, PackageQuerySet


class InDoorFilter(admin.SimpleListFilter):
    """What holds a compartment, and what waits to be taken out of one."""

    title = "place"
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("door", "In a compartment"), ("return", "To be taken out"), ("gone", "Gone")]

    def queryset(self, request: HttpRequest, queryset: PackageQuerySet) -> PackageQuerySet:  # type: ignore[override]
        """The packages of the choice."""
        match self.value():
            case "door":
                return queryset.in_door()
            case "return":
                return queryset.filter(pk__in=Package.objects.to_return().order_by().values("pk"))
            case "gone":
                return queryset.filter(released_at__isnull=False)
        return queryset


class HeldBackFilter(admin.SimpleListFilter):
    """What nobody gets until it is released."""

    title = "held back"
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: PackageQuerySet) -> PackageQuerySet:  # type: ignore[override]
        """The packages of the choice."""
        if self.value() in ("yes", "no"):
            return queryset.filter(held_at__isnull=self.value() == "no")
        return queryset
