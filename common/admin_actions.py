"""What the admin of every room has in common: nothing is deleted, and actions go row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from common.refusals import Refusal

Act = Callable[[int], object]


class ReasonForm(forms.Form):
    """Why something is taken out of use; everybody who looks at it reads this."""

    reason = forms.CharField(max_length=200, label="Reason")


class KeepsRows:
    """Nothing is deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nobody deletes."""
        return False


class SavesWhatChanged:
    """Writes the columns that were edited and no others.

    A page knows the row as it was when it was read; a door that was given out since then would be free again.
    """

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new row whole, a known one in part."""
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=columns.intersection(form.changed_data) if change else None)


class NothingToAdd(KeepsRows):
    """Rows that come from elsewhere."""

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nobody adds."""
        return False


def ask_reason(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    *,
    title: str,
    action: str,
) -> str | HttpResponse:
    """The reason that was typed, or the page that asks for it."""
    typed = ask(model_admin, request, queryset, ReasonForm, title=title, action=action)
    if isinstance(typed, HttpResponse):
        return typed
    reason: str = typed["reason"]
    return reason


def ask(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    form_class: type[forms.Form],
    *,
    title: str,
    action: str,
) -> dict[str, Any] | HttpResponse:
    """What was typed into the form, or the page that asks for it."""
    known = set(form_class.base_fields)
    form = form_class(request.POST if known & set(request.POST) else None)
    if form.is_valid():
        return form.cleaned_data
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "form": form,
        "rows": queryset,
        "action": action,
        "opts": model_admin.opts,
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/lockers/reason.html", context)


def act_on_each(
    request: HttpRequest, queryset: QuerySet[Any], act: Act, *, done: str, words: str = ""
) -> None:
    """`act` on every chosen row, each in a transaction of its own; tells what was done and what refused."""
    acted = []
    for row in queryset:
        try:
            act(row.pk)
        except Refusal as refusal:
            messages.warning(request, f"{row}: {refusal.detail}")
        else:
            acted.append(row)
    if acted:
        LogEntry.objects.log_actions(
            user_id=cast(int, request.user.pk),
            queryset=acted,
            action_flag=CHANGE,
            change_message=words or done,
        )
        messages.success(request, f"{len(acted)} {done}.")


def actor(request: HttpRequest) -> str:
    """Who acts, as it is written into the history."""
    return f"staff:{request.user.get_username()}"
