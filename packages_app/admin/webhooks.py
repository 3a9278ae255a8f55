"""Couriers' webhooks in the admin: whether they work, and what staff can do if one does not."""

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
    """Webhooks. Couriers make them over the API; staff disable and enable them, and rotate their secret."""

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
        """Read what a page shows in the same query."""
        return super().get_queryset(request).select_related(*self.list_select_related)

    @admin.display(boolean=True)
    def works(self, webhook: Webhook) -> bool:
        """Return whether it is enabled and has accepted its last message."""
        return webhook.destination.closed_at is None and webhook.destination.failures == 0

    @admin.display(ordering="destination__failing_since")
    def failing_since(self, webhook: Webhook) -> Any:
        """Return since when it has been failing."""
        return webhook.destination.failing_since

    @admin.display(ordering="destination__paused_until")
    def paused_until(self, webhook: Webhook) -> Any:
        """Return when the next attempt is."""
        return webhook.destination.paused_until

    @admin.display(ordering="destination__closed_at")
    def disabled_at(self, webhook: Webhook) -> Any:
        """Return when it was disabled, by somebody or after days of failures."""
        return webhook.destination.closed_at

    @admin.display(description="why")
    def why(self, webhook: Webhook) -> str:
        """Return why it is disabled, or how it failed last."""
        return webhook.destination.closed_reason or webhook.destination.last_error

    @admin.display(description="deliveries")
    def deliveries(self, webhook: Webhook) -> SafeString:
        """Return a link to its messages, where they can be sent again."""
        address = reverse("admin:notifications_notification_changelist")
        return format_html('<a href="{}?q={}">What was sent to it</a>', address, webhook.pk)

    @admin.action(description="Disable: nothing is sent anymore", permissions=["act"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse | None:
        """Run `operations.disable_webhook`; the courier sees the reason."""
        reason = ask_reason(self, request, queryset, title="Disable webhooks", action="disable")
        if isinstance(reason, HttpResponse):
            return reason
        text = f"Disabled by head office: {reason}"
        self._each(request, queryset, operations.disable_webhook, done="disabled", log=text, reason=text)
        return None

    @admin.action(description="Enable, or end a pause at once", permissions=["act"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Run `operations.enable_webhook`."""
        self._each(request, queryset, operations.enable_webhook, done="enabled")

    @admin.action(description="Rotate the secret: the new one is shown once", permissions=["act"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse | None:
        """Run `operations.rotate_secret` on one webhook; the old secret signs for a day as well."""
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
        *,
        done: str,
        log: str = "",
        **arguments: Any,
    ) -> None:
        by, now = Actor.of_user(cast(User, request.user)), database_now()

        def act(pk: UUID) -> object:
            return operation(webhooks=Webhook.objects.all(), webhook_id=pk, by=by, now=now, **arguments)

        act_on_each(self, request, queryset, act, done=done, log=log)
