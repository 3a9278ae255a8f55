"""Locations in the admin: suspend and resume them, and see when nobody could pick up."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from common.admin_actions import act_on_each, ask_reason
from common.admin_readonly import ReadOnlyAdmin
from common.clock import database_now
from lockers.admin import KioskAdmin, LocationAdmin
from lockers.models import Downtime, Kiosk, Location
from packages_app import operations
from packages_app.core.actor import Actor


@admin.register(Location)
class LocationWithPackagesAdmin(LocationAdmin):
    """Locations, and the actions that concern all packages there."""

    actions = ("suspend", "resume")

    @admin.action(
        description="Suspend: no new packages, deadlines are paused, recipients are told",
        permissions=["change"],
    )
    def suspend(self, request: HttpRequest, queryset: QuerySet[Location]) -> HttpResponse | None:
        """Run `operations.suspend_location`; packages there can still be picked up."""
        reason = ask_reason(self, request, queryset, title="Suspend locations", action="suspend")
        if isinstance(reason, HttpResponse):
            return reason
        by, now = Actor.of_user(cast(User, request.user)), database_now()
        act_on_each(
            self,
            request,
            queryset,
            lambda pk: operations.suspend_location(
                locations=Location.objects.all(), location_id=pk, by=by, now=now, reason=reason
            ),
            done="suspended",
            log=f"Suspended: {reason}",
        )
        return None

    @admin.action(
        description="Resume: packages are extended by the lost time, recipients are told",
        permissions=["change"],
    )
    def resume(self, request: HttpRequest, queryset: QuerySet[Location]) -> None:
        """Run `operations.resume_location`."""
        by, now = Actor.of_user(cast(User, request.user)), database_now()
        act_on_each(
            self,
            request,
            queryset,
            lambda pk: operations.resume_location(
                locations=Location.objects.all(), location_id=pk, by=by, now=now
            ),
            done="resumed",
        )


@admin.register(Kiosk)
class KioskWithPackagesAdmin(KioskAdmin):
    """Kiosks. One that is offline pauses the deadlines at its location, unless it is not monitored."""

    actions = ("forget_heartbeats",)

    @admin.action(
        description="Stop monitoring until the next heartbeat: dismounted, or cannot send any",
        permissions=["change"],
    )
    def forget_heartbeats(self, request: HttpRequest, queryset: QuerySet[Kiosk]) -> None:
        """Run `operations.forget_heartbeats`."""
        by, now = Actor.of_user(cast(User, request.user)), database_now()
        act_on_each(
            self,
            request,
            queryset,
            lambda pk: operations.forget_heartbeats(kiosk_id=pk, by=by, now=now),
            done="no longer monitored",
        )


@admin.register(Downtime)
class DowntimeAdmin(ReadOnlyAdmin):
    """Downtimes: when nobody could pick up at a location; open ones first."""

    list_display = ("location", "cause", "began_at", "ended_at", "lasted", "reason", "begun_by", "ended_by")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "cause", "began_at")
    list_select_related = ("location",)
    search_fields = ("location__code", "location__name", "reason")
    fields = (
        ("location", "cause"),
        ("began_at", "noticed_at", "ended_at", "settled_at"),
        ("begun_by", "ended_by"),
        "reason",
    )
