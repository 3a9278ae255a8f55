"""The language of the screen at a locker: as its browser is set up, or as somebody has just chosen."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

KEY = "kiosk_language"
# Nobody types longer than this, and the next recipient finds the screen's own language.
STAYS = timedelta(minutes=3)


def current(request: HttpRequest, now: datetime) -> str:
    """The code of the language in which to show the page."""
    return chosen(request, now) or translation.get_language() or settings.LANGUAGE_CODE


def chosen(request: HttpRequest, now: datetime) -> str:
    """What somebody has chosen a short while ago; else empty."""
    code, until = request.session.get(KEY, ("", 0.0))
    return str(code) if now.timestamp() < until else ""


def choose(request: HttpRequest, code: str, now: datetime) -> None:
    """Speak `code` from now on; for one that the portal does not speak, the screen's own again."""
    if code in dict(settings.LANGUAGES):
        request.session[KEY] = (code, (now + STAYS).timestamp())
    else:
        forget(request)


def forget(request: HttpRequest) -> None:
    """The next recipient finds the screen's own language."""
    request.session.pop(KEY, None)
