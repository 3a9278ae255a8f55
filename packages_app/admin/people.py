"""Recipients and who else may collect, in the admin: to find, to read, and to erase."""

from __future__ import annotations

from typing import cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.admin_readonly import ReadOnlyAdmin
from common.clock import database_now
from packages_app import operations
from packages_app.admin.packages import MOST_AT_ONCE
from packages_app.models import Delegate, Package, Recipient


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    """Who collects."""

    list_display = ("__str__", "email", "phone", "language", "parcel", "erased_at")
    list_filter = ("language", ("erased_at", admin.EmptyFieldListFilter))
    list_select_related = ("package",)
    ordering = ("-id",)
    search_fields = ("name", "email", "phone")
    fields = ("name", "email", "phone", "language", "parcel", "erased_at")
    actions = ("erase",)

    @admin.action(description="Erase who they are (of what is out of its door)", permissions=["act"])
    def erase(self, request: HttpRequest, queryset: QuerySet[Recipient]) -> None:
        """`operations.erase_now`; a package that still holds a door keeps its recipient."""
        chosen = list(queryset.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(request, f"Choose {MOST_AT_ONCE} recipients at the most.", messages.ERROR)
            return
        package_ids = Package.objects.filter(recipient__in=chosen).values_list("pk", flat=True)
        count = operations.erase_now(package_ids=list(package_ids), now=database_now())
        erased = Recipient.objects.filter(pk__in=chosen, erased_at__isnull=False)
        LogEntry.objects.log_actions(
            user_id=cast(int, request.user.pk), queryset=erased, action_flag=CHANGE, change_message="Erased."
        )
        self.message_user(request, f"{count} recipients erased.", messages.SUCCESS)
        if kept := len(chosen) - erased.count():
            self.message_user(
                request, f"{kept} kept: their packages are not out of their doors.", messages.WARNING
            )

    @admin.display(description="package", empty_value="-")
    def parcel(self, recipient: Recipient) -> SafeString | None:
        """A link to it."""
        package = getattr(recipient, "package", None)
        if package is None:
            return None
        address = reverse("admin:packages_app_package_change", args=[package.pk])
        return format_html('<a href="{}">{}</a>', address, package.tracking_number)


@admin.register(Delegate)
class DelegateAdmin(ReadOnlyAdmin):
    """Who else may collect a package, or could; never their code."""

    list_display = ("name", "email", "phone", "language", "package", "named_at", "withdrawn_at")
    list_filter = ("language", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("package",)
    ordering = ("-named_at",)
    search_fields = ("name", "email", "phone", "=package__tracking_number")
    fields = list_display
