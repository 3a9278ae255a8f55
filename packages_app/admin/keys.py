"""Couriers, and the keys of couriers and kiosks in the admin."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from common.admin_actions import act_on_each
from common.admin_readonly import NoDelete, ReadOnlyAdmin
from common.clock import database_now
from lockers.models import Location
from notifications.delivery import sms_limits
from packages_app import operations
from packages_app.admin.key_forms import LimitForm, NewKeyForm, RotateForm
from packages_app.core.actor import Actor
from packages_app.messaging import sms_caps
from packages_app.models import ApiKey, Courier
from packages_app.operations.keys.rotate_key import CannotRotate


@admin.register(Courier)
class CourierAdmin(NoDelete, admin.ModelAdmin[Courier]):
    """Delivery companies. The keys of an inactive one are refused; none is deleted, its packages name it."""

    list_display = ("code", "name", "active", "return_list_email", "created_at")
    list_filter = ("active", ("twin_of", admin.EmptyFieldListFilter))
    search_fields = ("code", "name")
    fields = ("code", "name", "active", "return_list_email", "language", "sms_daily_cap", "created_at")
    actions = ("resend_sms",)

    def get_readonly_fields(self, request: HttpRequest, obj: Courier | None = None) -> tuple[str, ...]:
        """Keep the code, which histories name."""
        return ("created_at",) if obj is None else ("code", "created_at")

    @admin.action(description="Send the SMS that the daily cap suppressed", permissions=["change"])
    def resend_sms(self, request: HttpRequest, queryset: QuerySet[Courier]) -> None:
        """Run `operations.resend_sms`, unless less is left of the cap than one SMS costs."""
        by, now = _actor(request), database_now()
        today = now.astimezone(UTC).date()
        for courier in queryset:
            cap, used = sms_caps.cap_of(courier), sms_caps.of_courier(courier, today).used
            if cap - used < sms_limits.cheapest():
                text = f"{courier}: nothing was sent: {used:.2f} of {cap:.2f} is spent. Raise the cap first."
                self.message_user(request, text, messages.WARNING)
                continue
            count = operations.resend_sms(courier_id=courier.pk, by=by, now=now)
            self.log_change(request, courier, f"Sent {count} SMS again.")
            text = f"{courier}: {count} SMS are on their way again; {cap - used:.2f} is left for today."
            self.message_user(request, text, messages.SUCCESS)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys: made here and shown once, rotated, limited and revoked; nothing else is edited."""

    form = NewKeyForm
    list_display = (
        "__str__",
        "owner",
        "name",
        "scopes",
        "made_by",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_filter = ("kind", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("courier", "kiosk__location")
    search_fields = ("key_id", "name", "courier__code", "courier__name", "kiosk__location__code")
    autocomplete_fields = ("courier", "kiosk")
    actions = ("revoke",)
    change_form_template = "admin/packages_app/apikey/change.html"
    asked = (
        "courier",
        "kiosk",
        "name",
        "scopes",
        "test",
        "days",
        "locations",
        "networks",
        "calls_per_second",
        "burst",
    )
    shown = (
        "key_id",
        "kind",
        "courier",
        "kiosk",
        "name",
        "scopes",
        "locations",
        "networks",
        "calls_per_second",
        "burst",
        "made_by",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
        "replaces",
    )

    @admin.display(description="owner")
    def owner(self, key: ApiKey) -> str:
        """Return the courier or the kiosk."""
        return str(key.courier or key.kiosk)

    @admin.display(description="only these locations")
    def locations(self, key: ApiKey) -> str:
        """Return the codes of the locations that it is bound to; "-" if it is not bound."""
        codes = Location.objects.filter(pk__in=key.location_ids).order_by("code")
        return ", ".join(codes.values_list("code", flat=True)) or "-"

    def get_urls(self) -> list[URLPattern]:
        """Add the pages to rotate and to limit a key."""
        rotate, limit = self.admin_site.admin_view(self.rotate), self.admin_site.admin_view(self.limit)
        return [
            path("<int:pk>/rotate/", rotate, name="packages_app_apikey_rotate"),
            path("<int:pk>/limit/", limit, name="packages_app_apikey_limit"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let users with the right add keys, unlike other rows here."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """Show no digest."""
        return self.shown if obj else self.asked

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the key in the transaction of the admin; its text goes into this answer and nowhere else."""
        key, text = operations.create_key.work(by=_actor(request), now=database_now(), **form.key_arguments())
        obj.pk, obj.key_id, obj.kind, obj.expires_at = key.pk, key.key_id, key.kind, key.expires_at
        request.made_key = text  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key on the answer itself: messages for the next page are kept in a cookie or session."""
        return self._show_once(request, obj, request.made_key)  # type: ignore[attr-defined]

    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask how long the old key keeps working; make the new one and show it."""
        if not (self.has_add_permission(request) and self.has_act_permission(request)):
            raise PermissionDenied
        old = get_object_or_404(ApiKey.objects.select_related("courier", "kiosk__location"), pk=pk)
        form = RotateForm(request.POST or None)
        if form.is_valid():
            by, now = _actor(request), database_now()
            try:
                new, text = operations.rotate_key(key_pk=pk, by=by, now=now, overlap=form.overlap)
            except CannotRotate as refusal:
                messages.warning(request, str(refusal))
                return HttpResponseRedirect(reverse("admin:packages_app_apikey_change", args=[pk]))
            self.log_change(request, old, f"Rotated: replaced by {new}.")
            self.log_addition(request, new, f"Replaces {old}.")
            return self._show_once(request, new, text, old=ApiKey.objects.get(pk=pk))
        return self._ask(request, old, form, does="Rotate")

    def limit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask how often the key may be used, from now on."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        key = get_object_or_404(ApiKey.objects.select_related("courier", "kiosk__location"), pk=pk)
        own = {"calls_per_second": key.calls_per_second, "burst": key.burst}
        form = LimitForm(request.POST or None, initial=own)
        if form.is_valid():
            key = operations.limit_key(key_pk=pk, by=_actor(request), now=database_now(), **form.cleaned_data)
            text = f"Limited to {key.calls_per_second} calls per second, {key.burst} at once."
            self.log_change(request, key, text if key.calls_per_second else "No limit of its own.")
            return HttpResponseRedirect(reverse("admin:packages_app_apikey_change", args=[pk]))
        return self._ask(request, key, form, does="Limit")

    def _ask(self, request: HttpRequest, key: ApiKey, form: Form, *, does: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{does} {key}",
            "does": does,
            "key": key,
            "form": form,
        }
        return TemplateResponse(request, "admin/packages_app/apikey/ask.html", context)

    def _show_once(
        self, request: HttpRequest, key: ApiKey, text: str, *, old: ApiKey | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "The new API key",
            "key": key,
            "old": old,
            "text": text,
        }
        response = TemplateResponse(request, "admin/packages_app/apikey/made.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke: calls with the keys are refused", permissions=["act"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Run `operations.revoke_key`."""
        by, now = _actor(request), database_now()

        def act(pk: int) -> ApiKey:
            return operations.revoke_key(key_pk=pk, by=by, now=now)

        act_on_each(self, request, queryset.filter(revoked_at=None), act, done="revoked")


def _actor(request: HttpRequest) -> Actor:
    assert request.user.is_authenticated
    return Actor.of_user(request.user)
