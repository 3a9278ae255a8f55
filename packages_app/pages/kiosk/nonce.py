"""The nonce of the pad at a locker: a new one for each page, but the same again until a door was shown.

After an answer 503, and where the page with the door does not come, the pickup may have been done all the
same: the same code with the same nonce gets its answer. Such a nonce is kept in a cookie, since a database
that is away keeps no session.
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
    """The nonce for the page."""
    kept = request.COOKIES.get(COOKIE, "")
    return kept if re.match(FORM, kept) else secrets.token_urlsafe(24)


def keep(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The pages that follow `response` have the posted nonce again, for as long as it can be of use."""
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
    """The pages that follow `response` have new ones."""
    if COOKIE in request.COOKIES:
        response.delete_cookie(COOKIE, path=reverse("kiosk:pad"), samesite="Lax")
    return response


def kept_when_away(view: View) -> View:
    """Decorates the pad: where the database is away or stuck, its 503 keeps the posted nonce."""

    @wraps(view)
    def page(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except AWAY:
            return keep(request, away(request))

    return page
