"""The weekly report in the admin: who of head office reads it, and its figures."""

from __future__ import annotations

from django.contrib import admin

from packages_app.admin.readonly import ReadOnlyAdmin
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
