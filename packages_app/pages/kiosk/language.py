"""The language of a kiosk's pages: that of its browser, or the one that the recipient has just chosen."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

KEY = "kiosk_language"
# Longer than anybody needs to enter a code; then the next recipient finds the kiosk's own language.
CHOICE_LASTS = timedelta(minutes=3)


def current(request: HttpRequest, now: datetime) -> str:
    """Return the code of the language to show the page in."""
    return chosen(request, now) or translation.get_language() or settings.LANGUAGE_CODE


def chosen(request: HttpRequest, now: datetime) -> str:
    """Return the language that was chosen a short while ago, or an empty string."""
    code, until = request.session.get(KEY, ("", 0.0))
    return str(code) if now.timestamp() < until else ""


def choose(request: HttpRequest, code: str, now: datetime) -> None:
    """Use the language `code` from now on; for an unknown one, the kiosk's own language."""
    if code in dict(settings.LANGUAGES):
        request.session[KEY] = (code, (now + CHOICE_LASTS).timestamp())
    else:
        forget(request)


def forget(request: HttpRequest) -> None:
    """Go back to the kiosk's own language."""
    request.session.pop(KEY, None)
