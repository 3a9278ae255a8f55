"""Decorators and helpers for the pages of managers and staff."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from common.refusals import Refusal

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class ManagerRequest(HttpRequest):
    """A request of a signed-in user, behind `manager_page` or `manager_action`."""

    user: User


View = Callable[..., HttpResponse]


def manager_page(view: View) -> View:
    """Decorate a page for signed-in users; browsers do not cache it."""
    return login_required(never_cache(require_safe(view)))


def manager_action(view: View) -> View:
    """Decorate a view that handles the POST of a signed-in user."""
    return login_required(never_cache(require_POST(view)))


def attempt(request: HttpRequest, work: Callable[[], object], *, done: str) -> bool:
    """Do `work` and show a message about the result; return whether it was done.

    Raises `Http404` for an object that does not exist for this user.
    """
    try:
        work()
    except Refusal as refusal:
        if refusal.status == 404:
            raise Http404 from None
        messages.error(request, f"Nothing was changed. {refusal.detail}")
        return False
    messages.success(request, done)
    return True
