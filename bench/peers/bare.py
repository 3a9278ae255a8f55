"""Indexed reads over HTTP and nothing else: the least that a status can cost on the portal's server."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from common.sql import fetch
from lockerportal.http.health import livez

# The plainest way to count them; the portal's own way, in which PostgreSQL writes the JSON, is faster.
_COUNT = """
SELECT location.id, location.code, compartment.size, statement_timestamp() AS as_of,
       count(compartment.id) AS total,
       count(*) FILTER (WHERE occupancy = 'empty' AND out_of_service_at IS NULL) AS available,
       count(*) FILTER (WHERE occupancy = 'reserved' AND out_of_service_at IS NULL) AS reserved,
       count(*) FILTER (WHERE occupancy = 'occupied' AND out_of_service_at IS NULL) AS occupied,
       count(*) FILTER (WHERE out_of_service_at IS NOT NULL) AS out_of_service,
       count(*) FILTER (WHERE occupancy IN ('unverified', 'doubtful') AND out_of_service_at IS NULL)
           AS unverified
FROM lockers_location location
LEFT JOIN lockers_compartment compartment ON compartment.location_id = location.id
WHERE location.code = %(code)s AND NOT location.sandbox
GROUP BY location.id, compartment.size
"""
_ROW = "SELECT id, code, name, city, time_zone FROM lockers_location WHERE code = %(code)s"


def count(request: HttpRequest) -> HttpResponse:
    """Return the compartments of a location by size and state: the status without key or framework."""
    rows = fetch(_COUNT, {"code": request.GET["location"]})
    return JsonResponse([{**row._asdict(), "as_of": row.as_of.isoformat()} for row in rows], safe=False)


def row(request: HttpRequest) -> HttpResponse:
    """Return the row of a location by its unique code: the smallest possible read."""
    found = fetch(_ROW, {"code": request.GET["location"]})[0]
    return JsonResponse(found._asdict())


urlpatterns = [path("count", count), path("row", row), path("livez", livez)]
