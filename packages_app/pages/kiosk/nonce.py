"""The nonce of the kiosk's pad: a new one for each page, but the same one until a door has been shown.

After a 503, or if the page with the door does not load, the pickup may have happened all the same: the same
code with the same nonce then gets the same response. The nonce is kept in a cookie, because there is no
session while the database does not respond.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from packages_app.operations.packages.pick_up import REPEATS_WITHIN
from packages_app.pages.away import AWAY, away

COOKIE = "kiosk_nonce"
FORM = r"\A[A-Za-z0-9_-]{16,64}\Z"

View = Callable[[HttpRequest], HttpResponse]


def current(request: HttpRequest) -> str:
    """Return the nonce for the page."""
    kept = request.COOKIES.get(COOKIE, "")
    return kept if re.match(FORM, kept) else secrets.token_urlsafe(24)


def keep(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the pages after `response` use the posted nonce again, for as long as it is of use."""
    nonce = request.POST.get("nonce", "")
    if re.match(FORM, nonce):
        response.set_cookie(
            COOKIE,
            nonce,
            max_age=REPEATS_WITHIN,
            path=reverse("kiosk:pad"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def forget(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the pages after `response` use new nonces."""
    if COOKIE in request.COOKIES:
        response.delete_cookie(COOKIE, path=reverse("kiosk:pad"), samesite="Lax")
    return response


def kept_when_away(view: View) -> View:
    """Decorate the pad so that its 503, when the database does not respond, keeps the posted nonce."""

    @wraps(view)
    def page(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except AWAY:
            return keep(request, away(request))

    return page
