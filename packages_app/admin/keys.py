"""Couriers, and the keys of couriers and kiosks in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from lockers.clock import database_now
from packages_app import access
from packages_app.admin.readonly import ReadOnlyAdmin
from packages_app.models import ApiKey, Courier

COURIER_SCOPES = {ApiKey.Scope.PACKAGES, ApiKey.Scope.CODES_READ}
KIOSK_SCOPES = {ApiKey.Scope.PICKUP}


@admin.register(Courier)
class CourierAdmin(admin.ModelAdmin[Courier]):
    """Delivery companies. An inactive one's keys open nothing; none is deleted, its packages name it."""

    list_display = ("code", "name", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("code", "name")
    fields = ("code", "name", "active", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Courier | None = None) -> tuple[str, ...]:
        """The code stands in histories: it stays."""
        return ("created_at",) if obj is None else ("code", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nobody deletes."""
        return False


class NewKeyForm(forms.ModelForm[ApiKey]):
    """Whose key, what for, and how long."""

    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Without any: packages for a courier, pickup for a kiosk",
    )
    test = forms.BooleanField(required=False, label="Sandbox key", help_text="Couriers only")
    days = forms.IntegerField(
        min_value=1, max_value=365, initial=365, help_text="How long it lives, 365 at the most"
    )

    class Meta:
        model = ApiKey
        fields = ("courier", "kiosk", "name", "scopes", "test")

    def clean(self) -> dict[str, Any]:
        """One owner, and scopes that such a key can have."""
        cleaned = super().clean() or self.cleaned_data
        courier, kiosk = cleaned.get("courier"), cleaned.get("kiosk")
        if (courier is None) == (kiosk is None):
            raise forms.ValidationError("A key belongs to one courier or to one kiosk.")
        possible = COURIER_SCOPES if courier else KIOSK_SCOPES
        if not set(cleaned.get("scopes", [])) <= possible:
            self.add_error("scopes", "This kind of key cannot have all of these scopes.")
        if kiosk and cleaned.get("test"):
            self.add_error("test", "A kiosk has no sandbox key.")
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys are made here, shown once, and revoked; nothing about them can be edited."""

    form = NewKeyForm
    list_display = (
        "__str__",
        "owner",
        "name",
        "scopes",
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
    shown = (
        "key_id",
        "kind",
        "courier",
        "kiosk",
        "name",
        "scopes",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )

    @admin.display(description="owner")
    def owner(self, key: ApiKey) -> str:
        """The courier or the kiosk."""
        return str(key.courier or key.kiosk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """By the model's own right, unlike other rows here."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """Never the digest."""
        return self.shown if obj else ("courier", "kiosk", "name", "scopes", "test", "days")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """The key's text goes into this request's answer and nowhere else."""
        chosen = form.cleaned_data
        key, text = access.make_key(
            courier=chosen["courier"],
            kiosk=chosen["kiosk"],
            scopes=chosen["scopes"],
            name=chosen["name"],
            life=timedelta(days=chosen["days"]),
            test=chosen["test"],
        )
        obj.pk, obj.key_id, obj.kind, obj.expires_at = key.pk, key.key_id, key.kind, key.expires_at
        request.made_key = text  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Not a message on the next page: those are kept in a cookie or in the session."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "The new API key",
            "key": obj,
            "text": request.made_key,  # type: ignore[attr-defined]
        }
        response = TemplateResponse(request, "admin/packages_app/apikey/made.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke: the keys open nothing any more", permissions=["act"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """From the next request on."""
        now = database_now()
        keys = list(queryset.filter(revoked_at__isnull=True))
        for key in keys:
            access.revoke(key, now=now)
            self.log_change(request, key, "Revoked.")
        level = messages.SUCCESS if keys else messages.WARNING
        self.message_user(request, f"{len(keys)} keys revoked.", level)
