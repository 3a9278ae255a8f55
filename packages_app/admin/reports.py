"""How locations are used, hour by hour and week by week, and who gets the weekly report, in the admin."""

from __future__ import annotations

from django.contrib import admin

from common.admin_readonly import ReadOnlyAdmin
from lockers.models import UsageSnapshot
from packages_app.models import ReportSubscription, WeekAtLocation


@admin.register(ReportSubscription)
class ReportSubscriptionAdmin(admin.ModelAdmin[ReportSubscription]):
    """Staff who get the weekly report on all locations."""

    list_display = ("user",)
    list_select_related = ("user",)
    autocomplete_fields = ("user",)


@admin.register(WeekAtLocation)
class WeekAtLocationAdmin(ReadOnlyAdmin):
    """The weekly figures of each location."""

    list_display = (
        "week",
        "location",
        "deposits",
        "pickups",
        "half_within",
        "expired",
        "returned",
        "average_use",
        "peak_use",
        "faults",
        "downtimes",
        "down_for",
        "dead_messages",
    )
    list_filter = ("week", "location__country")
    list_select_related = ("location",)
    search_fields = ("=location__code",)
    search_help_text = "The full code of a location"


@admin.register(UsageSnapshot)
class UsageSnapshotAdmin(ReadOnlyAdmin):
    """How full each location was, hour by hour."""

    list_display = (
        "hour",
        "location",
        "size",
        "total",
        "available",
        "occupied",
        "reserved",
        "out_of_service",
        "unverified",
    )
    list_select_related = ("location",)
    list_filter = ("hour", "size", "location__country")
    search_fields = ("=location__code",)
    search_help_text = "The full code of a location"
