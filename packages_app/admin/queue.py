"""Who waits for a door, in the admin: to find, to read, and to take out of the queue."""

from __future__ import annotations

from typing import cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from common.admin_readonly import ReadOnlyAdmin
from common.clock import database_now
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.errors import Refusal
from packages_app.models import QueueEntry


@admin.register(QueueEntry)
class QueueEntryAdmin(ReadOnlyAdmin):
    """Places in queues; whoever came first is served first, and nobody can change that here."""

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
    search_help_text = "Beginning of a tracking number, or a location's code"
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
        """With what a page shows."""
        entries = QueueEntry.objects.select_related(*self.list_select_related, "recipient")
        return entries.with_position().order_by(*self.ordering)

    @admin.action(description="Leave: the parcel no longer waits for a door", permissions=["act"])
    def leave(self, request: HttpRequest, queryset: QuerySet[QueueEntry]) -> None:
        """`operations.leave_queue`."""
        by, now, done = Actor.of_user(cast(User, request.user)), database_now(), 0
        for entry in queryset:
            try:
                operations.leave_queue(entry_id=entry.pk, by=by, now=now)
            except Refusal as refusal:
                self.message_user(request, f"{entry.tracking_number}: {refusal.detail}", messages.WARNING)
            else:
                done += 1
                self.log_change(request, entry, "Left the queue.")
        if done:
            self.message_user(request, f"{done} no longer wait.", messages.SUCCESS)
