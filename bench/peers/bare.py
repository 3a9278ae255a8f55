"""One indexed read over HTTP and nothing else: the limit of what a status can cost on the portal's server."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from lockerportal.health import livez
from lockerportal.settings import *  # noqa: F403 - this module is settings and urls in one
from lockers.sql import fetch

ROOT_URLCONF = "bench.peers.bare"
MIDDLEWARE = [  # what stands in the way of a call with a key, and no more
    "lockerportal.middleware.ApiProblemMiddleware",
    "lockerportal.middleware.DatabaseAwayMiddleware",
    "django.middleware.security.SecurityMiddleware",
]

_READ = "SELECT id, code, name, city, time_zone FROM lockers_location WHERE code = %(code)s"


def read(request: HttpRequest) -> HttpResponse:
    """The location's row by its unique code."""
    row = fetch(_READ, {"code": request.GET["location"]})[0]
    return JsonResponse(row._asdict())


urlpatterns = [path("read", read), path("livez", livez)]
