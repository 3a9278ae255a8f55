"""The response of a page when the database does not respond."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

AWAY = (OperationalError, InterfaceError)
RETRY_AFTER_SECONDS = 2


def away(request: HttpRequest) -> HttpResponse:
    """Return a 503 with Retry-After, without a query."""
    response = render(request, "503.html", status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
