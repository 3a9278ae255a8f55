"""Indexed reads over HTTP and nothing else: the limits of what a status can cost on the portal's server."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from lockerportal.health import livez
from lockers import availability
from lockers.sql import fetch

_ROW = "SELECT id, code, name, city, time_zone FROM lockers_location WHERE code = %(code)s"


def count(request: HttpRequest) -> HttpResponse:
    """The doors of a location by size and state: the status's own read, without key, schema and framework."""
    rows = fetch(availability._BY_CODE, {"code": request.GET["location"]})
    return JsonResponse([{**row._asdict(), "as_of": row.as_of.isoformat()} for row in rows], safe=False)


def row(request: HttpRequest) -> HttpResponse:
    """The location's row by its unique code: the least that can be called a read."""
    found = fetch(_ROW, {"code": request.GET["location"]})[0]
    return JsonResponse(found._asdict())


urlpatterns = [path("count", count), path("row", row), path("livez", livez)]
