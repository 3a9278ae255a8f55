"""What a page answers whose database is away or stuck."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# What says so.
AWAY = (OperationalError, InterfaceError)
RETRY_AFTER_SECONDS = 2


def away(request: HttpRequest) -> HttpResponse:
    """503 with Retry-After; asks the database for nothing."""
    response = render(request, "503.html", status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
