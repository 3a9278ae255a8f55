"""Queue entries in the admin: to find, to read, and to remove from the queue."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from common.admin_actions import act_on_each
from common.admin_readonly import ReadOnlyAdmin
from common.clock import database_now
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.models import QueueEntry


@admin.register(QueueEntry)
class QueueEntryAdmin(ReadOnlyAdmin):
    """Queue entries. The first in line is served first, and nobody can change that here."""

    list_display = (
        "tracking_number",
        "status",
        "position",
        "location",
        "size",
        "courier",
        "created_at",
        "expires_at",
        "package",
    )
    list_filter = ("status", "size", "courier", "location__country")
    list_select_related = ("location", "courier", "package")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    search_fields = ("tracking_number__istartswith", "=location__code")
    search_help_text = "The start of a tracking number, or the code of a location"
    actions = ("leave",)
    fields = (
        "id",
        "tracking_number",
        "status",
        "position",
        "courier",
        "location",
        "size",
        "accessible",
        "recipient",
        "reserve_minutes",
        "created_at",
        "expires_at",
        "ended_at",
        "package",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueueEntry]:
        """Read what a page shows in the same query."""
        entries = QueueEntry.objects.select_related(*self.list_select_related, "recipient")
        return entries.with_position().order_by(*self.ordering)

    @admin.action(description="Leave the queue: the parcel no longer waits", permissions=["act"])
    def leave(self, request: HttpRequest, queryset: QuerySet[QueueEntry]) -> None:
        """Run `operations.leave_queue`."""
        by, now = Actor.of_user(cast(User, request.user)), database_now()

        def act(pk: UUID) -> QueueEntry:
            return operations.leave_queue(entry_id=pk, by=by, now=now)

        act_on_each(self, request, queryset, act, done="removed from the queue")
