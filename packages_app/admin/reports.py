"""How the locations are used, in the admin: hour by hour, week by week, and who reads the weekly report."""

from __future__ import annotations

from django.contrib import admin

from common.admin_readonly import ReadOnlyAdmin
from lockers.models import UsageSnapshot
from packages_app.models import ReportSubscription, WeekAtLocation


@admin.register(ReportSubscription)
class ReportSubscriptionAdmin(admin.ModelAdmin[ReportSubscription]):
    """Staff who want the weekly report of all locations."""

    list_display = ("user",)
    list_select_related = ("user",)
    autocomplete_fields = ("user",)


@admin.register(WeekAtLocation)
class WeekAtLocationAdmin(ReadOnlyAdmin):
    """Each location's figures of each week."""

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
    search_help_text = "A location's code, in full"


@admin.register(UsageSnapshot)
class UsageSnapshotAdmin(ReadOnlyAdmin):
    """How full locations were, hour by hour."""

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
    search_help_text = "A location's code, in full"
