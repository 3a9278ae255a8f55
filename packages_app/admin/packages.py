"""Packages in the admin: to find, to read, and to change through the operations."""

from __future__ import annotations

import contextlib
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from common.admin_actions import act_on_each
from common.admin_readonly import NoAddOrDelete, ReadOnlyAdmin, never
from common.clock import database_now
from notifications.models import Notification
from packages_app import operations
from packages_app.admin.package_filters import InDoorFilter, OnHoldFilter
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import Package, PackageEvent


def _when_or_why(row: Notification) -> str:
    at = row.receipt_at or row.sent_at
    when = f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    return f"{when} ({row.reason})" if row.reason and (not at or row.receipt_at) else when


class EventInline(NoAddOrDelete, admin.TabularInline[PackageEvent, Package]):
    """The history of a package."""

    model = PackageEvent
    fields = readonly_fields = ("at", "event", "from_status", "to_status", "compartment", "by", "reason")
    ordering = ("id",)
    extra = 0
    verbose_name_plural = "history"
    has_change_permission = never

    def get_queryset(self, request: HttpRequest) -> QuerySet[PackageEvent]:
        """Read what a line shows in the same query."""
        return super().get_queryset(request).select_related("compartment__locker")


@admin.register(Package)
class PackageAdmin(ReadOnlyAdmin):
    """Packages: nothing is added, edited or deleted here; the actions run the operations."""

    list_display = (
        "tracking_number",
        "status",
        "size",
        "location",
        "occupies",
        "courier",
        "recipient",
        "stored_at",
        "expires_at",
        "held_at",
    )
    list_filter = ("status", InDoorFilter, OnHoldFilter, "size", "courier", "location__country")
    list_select_related = ("location", "compartment__locker", "courier", "recipient")
    date_hierarchy = "created_at"
    search_fields = (
        "tracking_number__istartswith",
        "recipient__name",
        "recipient__email",
        "recipient__phone",
    )
    search_help_text = "The start of a tracking number, a full id, or the recipient's name, email or phone"
    inlines = (EventInline,)
    actions = (
        "cancel",
        "return_to_courier",
        "extend_by_a_day",
        "resend_code",
        "put_on_hold",
        "release_hold",
        "remove_delegate",
    )
    fieldsets = (
        (None, {"fields": ("id", "tracking_number", "status", "courier", "recipient")}),
        ("Location", {"fields": ("location", "compartment", "occupies", "size", "accessible")}),
        (
            "Times",
            {
                "fields": (
                    "created_at",
                    "reserved_until",
                    "reports_opening",
                    "opened_at",
                    "stored_at",
                    "expires_at",
                    "held_at",
                    "held_expires_at",
                    "retrieved_at",
                    "collected_by_delegate",
                    "cancelled_at",
                    "returned_at",
                    "released_at",
                    "updated_at",
                )
            },
        ),
        ("Messages", {"fields": ("messages_to_recipient",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Package]:
        """Read what a page shows in the same query."""
        return super().get_queryset(request).select_related(*self.list_select_related)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a full id, or else what Django's own search finds."""
        with contextlib.suppress(ValueError):
            return queryset.filter(pk=UUID(search_term.strip())), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="occupies compartment", empty_value="-")
    def occupies(self, package: Package) -> str | None:
        """Return the compartment that it occupies."""
        return str(package.compartment) if package.holds_door else None

    @admin.display(description="what the recipient was told")
    def messages_to_recipient(self, package: Package) -> SafeString:
        """Return kind, channel and status of each message, never its text: that may show the code."""
        rows = Notification.objects.about(f"package:{package.pk}")
        lines = format_html_join(
            "",
            '<li><a href="{}">{} by {}</a>: {}{}</li>',
            (
                (
                    reverse("admin:notifications_notification_change", args=[row.pk]),
                    row.kind,
                    row.get_channel_display(),
                    row.get_status_display(),
                    _when_or_why(row),
                )
                for row in rows
            ),
        )
        return format_html("<ul>{}</ul>", lines) if lines else SafeString("none")

    @admin.action(
        description="Cancel: a stored package stays in its compartment until it is taken out",
        permissions=["act"],
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """Run `operations.cancel`."""
        self._each(request, queryset, operations.cancel, done="canceled", reason="by head office")

    @admin.action(description="Return: it was taken out, and its compartment is free", permissions=["act"])
    def return_to_courier(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """Run `operations.return_to_courier`."""
        self._each(request, queryset, operations.return_to_courier, done="returned")

    @admin.action(description="Extend the hold period by a day", permissions=["act"])
    def extend_by_a_day(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """Run `operations.extend`."""
        self._each(request, queryset, operations.extend, done="extended by a day", hours=24)

    @admin.action(
        description="Send the recipient a new pickup code; the old one stops working", permissions=["act"]
    )
    def resend_code(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """Run `operations.resend_code`."""
        self._each(request, queryset, operations.resend_code, done="given a new code")

    @admin.action(description="Put on hold: no code works until the hold is released", permissions=["act"])
    def put_on_hold(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """Run `operations.put_on_hold`; the page of a package under `/manage/` asks for a reason as well."""
        self._each(request, queryset, operations.put_on_hold, done="put on hold", note="by head office")

    @admin.action(description="Release the hold", permissions=["act"])
    def release_hold(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """Run `operations.release_hold`."""
        self._each(request, queryset, operations.release_hold, done="released")

    @admin.action(description="Remove the delegate (their code stops working)", permissions=["act"])
    def remove_delegate(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """Run `operations.remove_delegate`."""
        self._each(request, queryset, operations.remove_delegate, done="left without a delegate")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Package],
        operation: Operation[Any, Package],
        *,
        done: str,
        **arguments: Any,
    ) -> None:
        by, now = Actor.of_user(cast(User, request.user)), database_now()

        def act(pk: UUID) -> Package:
            return operation(package_id=pk, by=by, now=now, **arguments)

        act_on_each(self, request, queryset, act, done=done)


@admin.register(PackageEvent)
class PackageEventAdmin(ReadOnlyAdmin):
    """The histories of all packages, newest line first."""

    list_display = ("at", "package", "event", "from_status", "to_status", "compartment", "by", "reason")
    list_filter = ("event",)
    list_select_related = ("package", "compartment__locker")
    ordering = ("-id",)
    search_fields = ("=package__tracking_number", "=by")
    search_help_text = "A full tracking number or author"
    fields = ("package", "at", "event", "from_status", "to_status", "compartment", "by", "reason")
