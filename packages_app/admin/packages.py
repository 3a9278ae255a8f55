"""Packages in the admin: to find, to read, and to act on through the operations."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from common.admin_readonly import ReadOnlyAdmin
from common.clock import database_now
from notifications.models import Notification
from packages_app import operations
from packages_app.admin.package_filters import HeldBackFilter, InDoorFilter
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.errors import Refusal
from packages_app.models import Package, PackageEvent

# Each is a transaction of its own; more of them would outlast the request.
MOST_AT_ONCE = 200


def _when_or_why(row: Notification) -> str:
    at = row.receipt_at or row.sent_at
    when = f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    return f"{when} ({row.reason})" if row.reason and (not at or row.receipt_at) else when


class EventInline(admin.TabularInline[PackageEvent, Package]):
    """The history, as it was written."""

    model = PackageEvent
    fields = readonly_fields = ("at", "event", "from_status", "to_status", "compartment", "by", "reason")
    ordering = ("id",)
    extra = 0
    can_delete = False
    verbose_name_plural = "history"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PackageEvent]:
        """With what a line shows."""
        return super().get_queryset(request).select_related("compartment__locker")

    def has_add_permission(self, request: HttpRequest, obj: Package | None = None) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Package | None = None) -> bool:
        """Nobody edits."""
        return False


@admin.register(Package)
class PackageAdmin(ReadOnlyAdmin):
    """Custody: nothing is added, edited or deleted here; the actions are the operations themselves."""

    list_display = (
        "tracking_number",
        "status",
        "size",
        "location",
        "held",
        "courier",
        "recipient",
        "stored_at",
        "expires_at",
        "held_at",
    )
    list_filter = ("status", InDoorFilter, HeldBackFilter, "size", "courier", "location__country")
    list_select_related = ("location", "compartment__locker", "courier", "recipient")
    date_hierarchy = "created_at"
    search_fields = (
        "tracking_number__istartswith",
        "recipient__name",
        "recipient__email",
        "recipient__phone",
    )
    search_help_text = "Beginning of a tracking number, id in full, or the recipient's name, e-mail or phone"
    inlines = (EventInline,)
    actions = (
        "cancel",
        "return_to_courier",
        "extend_by_a_day",
        "resend_code",
        "hold_back",
        "release",
        "remove_delegate",
    )
    fieldsets = (
        (None, {"fields": ("id", "tracking_number", "status", "courier", "recipient")}),
        ("Place", {"fields": ("location", "compartment", "held", "size", "accessible")}),
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
        """With what a page shows."""
        return super().get_queryset(request).select_related(*self.list_select_related)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """An id in full, or else Django's own search."""
        with contextlib.suppress(ValueError):
            return queryset.filter(pk=UUID(search_term.strip())), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="holds compartment", empty_value="-")
    def held(self, package: Package) -> str | None:
        """The compartment that is not free because of it."""
        return str(package.compartment) if package.holds_door else None

    @admin.display(description="what the recipient was told")
    def messages_to_recipient(self, package: Package) -> SafeString:
        """Kind, channel and fate of each message, never its text: that may show the code."""
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
        description="Cancel: call it off; a stored one stays in its door until taken out", permissions=["act"]
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """`operations.cancel`."""
        self._each(request, queryset, operations.cancel, "cancelled", reason="by head office")

    @admin.action(description="Return: it was taken out of its door, which is free now", permissions=["act"])
    def return_to_courier(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """`operations.return_to_courier`."""
        self._each(request, queryset, operations.return_to_courier, "returned")

    @admin.action(description="Extend the hold by a day", permissions=["act"])
    def extend_by_a_day(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """`operations.extend`."""
        self._each(request, queryset, operations.extend, "extended by a day", hours=24)

    @admin.action(description="Send the recipient a new pickup code; the old one dies", permissions=["act"])
    def resend_code(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """`operations.resend_code`."""
        self._each(request, queryset, operations.resend_code, "given a new code")

    @admin.action(description="Hold back: no code opens its door until it is released", permissions=["act"])
    def hold_back(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """`operations.hold`; the page of a package under `/manage/` asks for a reason as well."""
        self._each(request, queryset, operations.hold, "held back", note="by head office")

    @admin.action(description="Release: hold back no longer", permissions=["act"])
    def release(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """`operations.release`."""
        self._each(request, queryset, operations.release, "released")

    @admin.action(
        description="Let nobody else collect: the code of who was named opens nothing", permissions=["act"]
    )
    def remove_delegate(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        """`operations.remove_delegate`."""
        self._each(request, queryset, operations.remove_delegate, "left to their recipients alone")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Package],
        operation: Operation[Any, Package],
        done: str,
        **arguments: Any,
    ) -> None:
        """One operation on each package, each for itself; a refusal is told with its packages."""
        packages = list(queryset[: MOST_AT_ONCE + 1])
        if len(packages) > MOST_AT_ONCE:
            self.message_user(request, f"Choose {MOST_AT_ONCE} packages at the most.", messages.ERROR)
            return
        by, now = Actor.of_user(cast(User, request.user)), database_now()
        refused: defaultdict[str, list[str]] = defaultdict(list)
        for package in packages:
            try:
                operation(package_id=package.pk, by=by, now=now, **arguments)
            except Refusal as refusal:
                refused[refusal.detail].append(package.tracking_number)
            else:
                self.log_change(request, package, f"{done.capitalize()}.")
        count = len(packages) - sum(map(len, refused.values()))
        if count:
            self.message_user(request, f"{count} packages {done}.", messages.SUCCESS)
        for detail, numbers in refused.items():
            self.message_user(request, f"Not {done}: {', '.join(numbers)}. {detail}", messages.WARNING)


@admin.register(PackageEvent)
class PackageEventAdmin(ReadOnlyAdmin):
    """Every history in one list, the newest line first."""

    list_display = ("at", "package", "event", "from_status", "to_status", "compartment", "by", "reason")
    list_filter = ("event",)
    list_select_related = ("package", "compartment__locker")
    ordering = ("-id",)
    search_fields = ("=package__tracking_number", "=by")
    search_help_text = "A tracking number or an author, in full"
    fields = ("package", "at", "event", "from_status", "to_status", "compartment", "by", "reason")
