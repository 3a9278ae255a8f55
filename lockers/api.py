"""The locations API for couriers and kiosks: where they are, and where there is room.

`lockerportal/http/api.py` mounts the routers, verifies the API key and turns every refusal into a problem
document.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Path, Router
from ninja.errors import ValidationError

from common.clock import database_now, moment
from common.pagination import Cursor, Limit, paginate
from common.refusals import refuses
from common.shared_answers import shared
from lockers import availability, errors, search
from lockers.models import Location, LocationQuerySet, Size
from lockers.schemas import (
    City,
    CodeInPath,
    Country,
    LocationCode,
    LocationDetailOut,
    LocationOut,
    LocationPage,
    LocationStatusOut,
    Near,
    RadiusKm,
    SizeName,
    known_only,
)

router = Router(tags=["locations"])
# A router of its own, because its query can be combined with the key lookup: `availability.status_query`.
status_router = Router(tags=["locations"])


# Each is an attribute of the model by the same name; the distance is there only with `near`.
_LOCATION_FIELDS = tuple(name for name in LocationOut.model_fields if name != "distance_km")


class Caller(Protocol):
    """A verified API key, as far as locations are concerned."""

    @property
    def sees_network(self) -> bool:
        """Whether the key sees the whole network without the sandbox, rather than only some `locations`."""

    @property
    def extra_answer(self) -> str | None:
        """The result of the query that was combined with the key lookup; None without one."""

    def locations(self) -> LocationQuerySet:
        """Return the locations that exist for the key."""


class CallerRequest(HttpRequest):
    """A request whose API key has been verified."""

    auth: Caller


@router.get("/locations", response=LocationPage, operation_id="list_locations", summary="List locations")
def list_locations(
    request: CallerRequest,
    country: Country | None = None,
    city: City | None = None,
    near: Near | None = None,
    radius_km: RadiusKm | None = None,
    size: SizeName | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> HttpResponse:
    """Return locations in the order of their codes; with `near`, the nearest first.

    With `size`, only locations that have an available compartment for that size at `as_of`.
    """
    known_only(request, "country", "city", "near", "radius_km", "size", "limit", "cursor")
    if radius_km is not None and near is None:
        raise _invalid("radius_km", "requires near")
    locations = request.auth.locations()
    if country is not None:
        locations = locations.filter(country=country)
    if city is not None:
        locations = locations.filter(city__iexact=city)
    if size is not None:
        locations = search.with_room(locations, size=Size[size])
    order: tuple[str, ...] = ("code",)
    if near is not None:
        locations = search.near(locations, near, radius_km=radius_km or search.FARTHEST_KM)
        order = search.NEAREST_FIRST

    def page() -> str:
        as_of = {"as_of": moment(database_now())} if size is not None else {}
        rows, next_cursor = paginate(locations, order=order, limit=limit, cursor=cursor)
        return json.dumps({"items": [_location(row) for row in rows], "next_cursor": next_cursor, **as_of})

    if size is None or not request.auth.sees_network:
        return _respond_text(page())
    asked = sha256(request.META["QUERY_STRING"].encode()).hexdigest()
    return _respond_text(shared(f"locations:{asked}", page))


@router.get(
    "/locations/{code}", response=LocationDetailOut, operation_id="get_location", summary="Get a location"
)
@refuses(errors.UnknownLocation)
def get_location(request: CallerRequest, code: Path[CodeInPath]) -> HttpResponse:
    """Return the location with its compartments by size and their inner dimensions."""
    known_only(request)
    location = request.auth.locations().filter(code=_clean(code)).first()
    if location is None:
        raise errors.UnknownLocation
    status = availability.of_id(location.pk)
    sizes = [
        {
            "size": row["size"],
            "total": row["total"],
            "available": row["available"],
            **settings.COMPARTMENT_SIZES[row["size"]],
        }
        for row in status["sizes"]
    ]
    return _respond({**_location(location), "as_of": status["as_of"], "sizes": sizes})


@status_router.get(
    "/lockers/status",
    response=list[LocationStatusOut],
    operation_id="lockers_status",
    summary="Count available compartments",
)
@refuses(errors.UnknownLocation)
def lockers_status(request: CallerRequest, location: LocationCode | None = None) -> HttpResponse:
    """Count compartments by size and status at `as_of`.

    Without `location`, for all locations that the key sees. A single location is counted for each call;
    counts of the whole network are at most two seconds old.
    """
    known_only(request, "location")
    if request.auth.sees_network:
        if location is None:
            return _respond_text(availability.of_network())
        return _respond_text(f"[{request.auth.extra_answer or availability.of_code(location)}]")
    own = request.auth.locations()
    if location is not None:
        own = own.filter(code=location)
        if not own.exists():
            raise errors.UnknownLocation
    return _respond_text(availability.of_ids(list(own.values_list("pk", flat=True))))


def _location(row: Location) -> dict[str, Any]:
    body = {name: getattr(row, name) for name in _LOCATION_FIELDS}
    distance_km = getattr(row, "distance_km", None)
    if distance_km is not None:
        body["distance_km"] = round(distance_km, 3)
    return body


def _clean(code: str) -> str:
    """Raise `UnknownLocation` for a code with a NUL, which PostgreSQL cannot compare."""
    if "\x00" in code:
        raise errors.UnknownLocation
    return code


def _invalid(field: str, message: str) -> ValidationError:
    return ValidationError([{"type": "value_error", "loc": ("query", field), "msg": message}])


def _respond(body: Any) -> HttpResponse:
    """Respond with JSON as it is: counts need no validation against their schema."""
    return _respond_text(json.dumps(body))


def _respond_text(text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response
