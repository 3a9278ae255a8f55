"""Messages and channels in the admin: to look at, with two actions and nothing to edit."""

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
    """Every message with its fate; the dead and bounced ones can be sent again."""

    list_display = (
        "id",
        "kind",
        "channel",
        "subject",
        "status",
        "attempts",
        "reason",
        "created_at",
        "sent_at",
        "receipt_at",
    )
    list_filter = ("status", "channel", "kind")
    search_fields = ("subject", "dedup_key")
    search_help_text = "The id of a package or webhook, in full; or the number of a message"
    actions = ("send_again",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Exact matches only, which the indexes find at once in any number of rows."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = models.Q(subject=term) | models.Q(dedup_key=term)
        number = term.rpartition("_")[2] if term.startswith("msg_") else term  # the `webhook-id` of a message
        if number.isdecimal() and len(number) < 19:
            found |= models.Q(pk=int(number))
        with contextlib.suppress(ValueError):
            about = uuid.UUID(term)
            found |= models.Q(subject__in=[f"{prefix}:{about}" for prefix in settings.NOTIFICATION_COMPOSERS])
        return queryset.filter(found), False

    @admin.action(description="Send the dead and bounced ones again", permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        """Dead or bounced → pending, with a fresh count of attempts; the others are left alone."""
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
    """Which providers are paused, since when and why, and who takes messages meanwhile."""

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
        """What it does at the moment, among the providers of its channel."""
        channel = CHANNELS.get(state.channel)
        names = channel.providers() if channel else ()
        if state.provider not in names:
            return "not in the settings"
        if state.opened_at is not None:
            return "paused"
        before = names[: names.index(state.provider)]
        working = ChannelState.objects.filter(channel=state.channel, provider__in=before, opened_at=None)
        return "stands by" if working.exists() else "takes messages"

    @admin.action(description="Let everything through again", permissions=["act"])
    def close_breaker(self, request: HttpRequest, queryset: QuerySet[ChannelState]) -> None:
        """For staff who know that the provider is back."""
        with transaction.atomic():
            self.log_action_on(request, queryset, "Let everything through again.")
            now = Clock().now()
            for state in queryset:
                close(state.channel, state.provider, now=now)
            transaction.on_commit(nudge, robust=True)
        self.message_user(request, "Sending goes on.", messages.SUCCESS)


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    """What couriers have spent on SMS, and whose SMS were refused: look here for pumping."""

    list_display = ("key", "used", "refused", "day")
    list_filter = ("day",)
    ordering = ("-day", "-refused", "-used")
    search_fields = ("key__startswith",)
    search_help_text = "payer:2026-11-20 for the couriers of a day"
