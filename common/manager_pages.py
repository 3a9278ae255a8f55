"""What every page for managers and staff has in common."""

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
    """A request behind `manager_page` or `manager_action`: somebody is signed in."""

    user: User


View = Callable[..., HttpResponse]


def manager_page(view: View) -> View:
    """A page to look at: needs a sign-in, and no browser keeps it once that has ended."""
    return login_required(never_cache(require_safe(view)))


def manager_action(view: View) -> View:
    """A page to send a form to: needs a sign-in and POST."""
    return login_required(never_cache(require_POST(view)))


def attempt(request: HttpRequest, work: Callable[[], object], *, done: str) -> bool:
    """Do `work` and tell the user how it went; whether it was done.

    Raises `Http404` for what does not exist for this user.
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
