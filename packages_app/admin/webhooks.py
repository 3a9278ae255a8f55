"""Couriers' webhooks in the admin: whether they work, and what staff do when one does not."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.admin_actions import act_on_each, ask_reason
from common.admin_readonly import ReadOnlyAdmin
from common.clock import database_now
from packages_app.core.actor import Actor
from packages_app.models import Webhook
from packages_app.operations import webhooks as operations
from packages_app.secrets import webhook_secrets


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Made by couriers over the API; here they are looked at, disabled, enabled, and their secret rotated."""

    list_display = ("url", "courier", "works", "failing_since", "disabled_at", "why", "created_at")
    list_filter = (
        ("destination__closed_at", admin.EmptyFieldListFilter),
        ("destination__failing_since", admin.EmptyFieldListFilter),
        "courier",
    )
    list_select_related = ("courier", "destination")
    search_fields = ("url", "courier__code", "courier__name", "id")
    fields = (
        ("courier", "url"),
        "description",
        "events",
        ("works", "failing_since", "paused_until"),
        ("disabled_at", "why"),
        ("secret_version", "secret_id", "previous_until"),
        "created_at",
        "deliveries",
    )
    actions = ("disable", "enable", "rotate_secret")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        """With what a page shows."""
        return super().get_queryset(request).select_related(*self.list_select_related)

    @admin.display(boolean=True)
    def works(self, webhook: Webhook) -> bool:
        """Open, and its last message was taken."""
        return webhook.destination.closed_at is None and webhook.destination.failures == 0

    @admin.display(ordering="destination__failing_since")
    def failing_since(self, webhook: Webhook) -> Any:
        """Since its last success."""
        return webhook.destination.failing_since

    @admin.display(ordering="destination__paused_until")
    def paused_until(self, webhook: Webhook) -> Any:
        """When it is asked next."""
        return webhook.destination.paused_until

    @admin.display(ordering="destination__closed_at")
    def disabled_at(self, webhook: Webhook) -> Any:
        """By itself, after days of failures, or by somebody."""
        return webhook.destination.closed_at

    @admin.display(description="why")
    def why(self, webhook: Webhook) -> str:
        """Why it is disabled, or how it failed last."""
        return webhook.destination.closed_reason or webhook.destination.last_error

    @admin.display(description="deliveries")
    def deliveries(self, webhook: Webhook) -> SafeString:
        """Where its messages can be looked at and sent again."""
        address = reverse("admin:notifications_notification_changelist")
        return format_html('<a href="{}?q={}">What was sent to it</a>', address, webhook.pk)

    @admin.action(description="Disable: nothing is sent any more", permissions=["act"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse | None:
        """`operations.disable_webhook`; the courier reads the reason."""
        reason = ask_reason(self, request, queryset, title="Disable webhooks", action="disable")
        if isinstance(reason, HttpResponse):
            return reason
        words = f"Disabled by head office: {reason}"
        self._each(request, queryset, operations.disable_webhook, "disabled", words=words, reason=words)
        return None

    @admin.action(description="Enable, or end a pause at once", permissions=["act"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """`operations.enable_webhook`."""
        self._each(request, queryset, operations.enable_webhook, "enabled")

    @admin.action(description="Rotate the secret: the new one is shown once", permissions=["act"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse | None:
        """`operations.rotate_secret`, of one webhook; the old secret signs for a day as well."""
        if len(queryset) != 1:
            self.message_user(request, "Choose one webhook.", messages.WARNING)
            return None
        by = Actor.of_user(cast(User, request.user))
        webhook = operations.rotate_secret(
            webhooks=Webhook.objects.all(), webhook_id=queryset[0].pk, by=by, now=database_now()
        )
        self.log_change(request, webhook, "Secret rotated.")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "The new secret",
            "webhook": webhook,
            "secret": webhook_secrets.shown(webhook.pk, webhook.secret_version, webhook.secret_id),
        }
        response = TemplateResponse(request, "admin/packages_app/webhook/rotated.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Webhook],
        operation: Any,
        done: str,
        *,
        words: str = "",
        **arguments: Any,
    ) -> None:
        by, now = Actor.of_user(cast(User, request.user)), database_now()

        def act(pk: int | UUID) -> object:
            return operation(webhooks=Webhook.objects.all(), webhook_id=pk, by=by, now=now, **arguments)

        act_on_each(request, queryset, act, done=done, words=words)
