"""Actions of the admin's lists: ask for what they need, then run an operation on each chosen row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import model_ngettext
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from common.actor import Actor, user_name
from common.refusals import Refusal

# Each row is a transaction of its own; more of them would outlast the request.
MOST_AT_ONCE = 200

Act = Callable[[Any], object]


class ReasonForm(forms.Form):
    """Why something is taken out of use; everybody who looks at it reads this."""

    reason = forms.CharField(max_length=200, label="Reason")


def ask_reason(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    *,
    title: str,
    action: str,
) -> str | HttpResponse:
    """Return the reason that was typed, or the page that asks for it."""
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
    """Return what was typed into the form, or the page that asks for it."""
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
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    act: Act,
    *,
    done: str,
    log: str = "",
) -> None:
    """Call `act` with the primary key of each chosen row; tell the user what was done, and what was refused.

    `done` says what: "returned". The admin's log of each row says it too, or `log`. More than `MOST_AT_ONCE`
    rows are refused as a whole; rows that are refused for the same reason are named in one message.
    """
    rows = list(queryset[: MOST_AT_ONCE + 1])
    if len(rows) > MOST_AT_ONCE:
        messages.error(
            request, f"Choose at most {MOST_AT_ONCE} {model_ngettext(model_admin.opts, MOST_AT_ONCE)}."
        )
        return
    acted: list[Any] = []
    refused: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        try:
            act(row.pk)
        except Refusal as refusal:
            refused[refusal.detail].append(str(row))
        else:
            acted.append(row)
    if acted:
        LogEntry.objects.log_actions(
            user_id=cast(int, request.user.pk),
            queryset=acted,
            action_flag=CHANGE,
            change_message=log or f"{done.capitalize()}.",
        )
        messages.success(request, f"{len(acted)} {model_ngettext(model_admin.opts, len(acted))} {done}.")
    for detail, names in refused.items():
        messages.warning(request, f"Not {done}: {', '.join(names)}. {detail}")


def actor(request: HttpRequest) -> Actor:
    """Return the signed-in user as the author of a change."""
    return Actor(name=user_name(request.user))
