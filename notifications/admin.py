"""Messages, providers and SMS limits in the admin: read-only, with two actions."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from common.admin_readonly import ReadOnlyAdmin
from common.wakeup import nudge, nudge_webhooks
from notifications.delivery.breaker import close
from notifications.delivery.leases import Clock
from notifications.delivery.registry import CHANNELS
from notifications.models import FAILED, ChannelState, Notification, Tally


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """Every message and what became of it; dead and bounced ones can be sent again."""

    list_display = (
        "id",
        "kind",
        "channel",
        "about",
        "endpoint",
        "status",
        "attempts",
        "reason",
        "created_at",
        "sent_at",
        "receipt_at",
    )
    list_filter = ("status", "channel", "kind")
    search_fields = ("subject", "dedup_key")
    search_help_text = "The full id of a package or webhook, or the number of a message"
    show_full_result_count = False  # counting millions of rows takes longer than reading a page of them
    list_per_page = 50
    actions = ("send_again",)

    @admin.display(description="endpoint", empty_value="")
    def endpoint(self, notification: Notification) -> str:
        """Return the endpoint of a webhook."""
        return notification.destination_id

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return exact matches only, which the indexes find at once in any number of rows."""
        term = search_term.strip()
        if not term:
            return queryset, False
        matches = models.Q(subject=term) | models.Q(dedup_key=term)
        number = term.rpartition("_")[2] if term.startswith("msg_") else term  # the `webhook-id` of a message
        if number.isdecimal() and len(number) < 19:
            matches |= models.Q(pk=int(number))
        with contextlib.suppress(ValueError):
            about = uuid.UUID(term)
            matches |= models.Q(subject__in=[f"{name}:{about}" for name in settings.NOTIFICATION_COMPOSERS])
        return queryset.filter(matches), False

    @admin.action(description="Send dead and bounced messages again", permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Make dead and bounced messages pending again with a new count of attempts; skip all others."""
        with transaction.atomic():
            chosen = list(queryset.filter(status__in=FAILED).select_for_update().values_list("pk", flat=True))
            failed = Notification.objects.filter(pk__in=chosen)
            if chosen:
                self.log_action_on(request, failed, "Sent again.")
            count = failed.send_again()
            transaction.on_commit(nudge, robust=True)
            transaction.on_commit(nudge_webhooks, robust=True)
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, f"{count} messages will be sent again.", level)


@admin.register(ChannelState)
class ChannelStateAdmin(ReadOnlyAdmin):
    """Which providers are paused, since when and why, and which ones send meanwhile."""

    list_display = (
        "channel",
        "provider",
        "now",
        "failures",
        "opened_at",
        "next_probe_at",
        "last_error",
        "updated_at",
    )
    actions = ("close_breaker",)

    @admin.display(description="now")
    def now(self, state: ChannelState) -> str:
        """Return what the provider is doing, among the providers of its channel."""
        channel = CHANNELS.get(state.channel)
        names = channel.providers() if channel else ()
        if state.provider not in names:
            return "not in the settings"
        if state.opened_at is not None:
            return "paused"
        before = names[: names.index(state.provider)]
        working = ChannelState.objects.filter(channel=state.channel, provider__in=before, opened_at=None)
        return "standing by" if working.exists() else "sending"

    @admin.action(description="Resume sending", permissions=["act"])
    def close_breaker(self, request: HttpRequest, queryset: QuerySet[ChannelState]) -> None:
        """Close the breakers, for staff who know that the providers work again."""
        with transaction.atomic():
            self.log_action_on(request, queryset, "Resumed sending.")
            now = Clock().now()
            for state in queryset:
                close(state.channel, state.provider, now=now)
            transaction.on_commit(nudge, robust=True)
        self.message_user(request, "Sending has resumed.", messages.SUCCESS)


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    """What couriers have spent on SMS, and whose SMS were refused: check here for SMS pumping."""

    list_display = ("key", "used", "refused", "day")
    list_filter = ("day",)
    ordering = ("-day", "-refused", "-used")
    search_fields = ("key__startswith",)
    search_help_text = "payer:2026-11-20 for the couriers of a day"
