"""Base classes of the admin: rows that only the system writes, and rows that are never deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest


def never(self: Any, request: HttpRequest, obj: models.Model | None = None) -> bool:
    """Refuse to everybody: what a `has_…_permission` is set to."""
    return False


class NoDelete:
    """Rows that are never deleted, because histories name them."""

    has_delete_permission = never


class NoAddOrDelete(NoDelete):
    """Rows that are made elsewhere, and never deleted."""

    has_add_permission = never


class ReadOnlyAdmin(NoAddOrDelete, admin.ModelAdmin[Any]):
    """Rows that only the system writes. Actions with `permissions=["act"]` need the right to change them."""

    show_full_result_count = False  # counting millions of rows takes longer than reading a page of them
    list_per_page = 50
    has_change_permission = never

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may run the actions."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def log_action_on(self, request: HttpRequest, rows: QuerySet[Any], text: str) -> None:
        """Write down on each of the rows what the user did."""
        LogEntry.objects.log_actions(
            user_id=request.user.pk,  # type: ignore[arg-type]
            queryset=rows,
            action_flag=CHANGE,
            change_message=text,
        )


class SaveChangedFields:
    """Save the columns that were edited and no others.

    The form knows the row as it was when the page was read: saving all of it would free a compartment that
    was given out since then.
    """

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save a new row whole, a known one in part."""
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=columns.intersection(form.changed_data) if change else None)
