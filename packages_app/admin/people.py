"""Recipients and delegates in the admin: to find, to read, and to erase."""

from __future__ import annotations

from typing import cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.admin_actions import MOST_AT_ONCE
from common.admin_readonly import ReadOnlyAdmin
from common.clock import database_now
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.models import Delegate, Package, Recipient


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    """Recipients of packages."""

    list_display = ("__str__", "email", "phone", "language", "parcel", "erased_at")
    list_filter = ("language", ("erased_at", admin.EmptyFieldListFilter))
    list_select_related = ("package",)
    ordering = ("-id",)
    search_fields = ("name", "email", "phone")
    fields = ("name", "email", "phone", "language", "parcel", "erased_at")
    actions = ("erase",)

    @admin.action(
        description="Erase them (only of packages that are out of their compartment)", permissions=["act"]
    )
    def erase(self, request: HttpRequest, queryset: QuerySet[Recipient]) -> None:
        """Run `operations.erase_recipients`; a package still in its compartment keeps its recipient."""
        chosen = list(queryset.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(request, f"Choose at most {MOST_AT_ONCE} recipients.", messages.ERROR)
            return
        package_ids = Package.objects.filter(recipient__in=chosen).values_list("pk", flat=True)
        count = operations.erase_recipients(
            package_ids=list(package_ids), by=Actor.of_user(cast(User, request.user)), now=database_now()
        )
        erased = Recipient.objects.filter(pk__in=chosen, erased_at__isnull=False)
        self.log_action_on(request, erased, "Erased.")
        self.message_user(request, f"{count} recipients erased.", messages.SUCCESS)
        if kept := len(chosen) - erased.count():
            self.message_user(
                request, f"{kept} kept: their packages are still in their compartments.", messages.WARNING
            )

    @admin.display(description="package", empty_value="-")
    def parcel(self, recipient: Recipient) -> SafeString | None:
        """Return a link to the package."""
        package = getattr(recipient, "package", None)
        if package is None:
            return None
        address = reverse("admin:packages_app_package_change", args=[package.pk])
        return format_html('<a href="{}">{}</a>', address, package.tracking_number)


@admin.register(Delegate)
class DelegateAdmin(ReadOnlyAdmin):
    """Delegates, present and past, without their codes."""

    list_display = ("name", "email", "phone", "language", "package", "named_at", "withdrawn_at")
    list_filter = ("language", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("package",)
    ordering = ("-named_at",)
    search_fields = ("name", "email", "phone", "=package__tracking_number")
    fields = list_display
