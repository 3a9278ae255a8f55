"""Find locations: near a point, and with room."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from django.db.models import Case, Count, Exists, F, FloatField, IntegerField, OuterRef, Q, Subquery, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Abs, ASin, Cos, Greatest, Least, Power, Radians, Sin, Sqrt

from common.clock import database_now, moment
from common.shared_answers import shared
from lockers.allocation import STRATEGIES, candidates
from lockers.models import CompartmentQuerySet, Location, LocationQuerySet

_EARTH_KM = 6371.0088
FARTHEST_KM = 20_100  # a little more than halfway around the earth
NEAREST_FIRST: tuple[str, ...] = ("distance_km", "id")  # for the result of `near`
# Small circles use the index. The whole earth is only searched if no nearer location has room.
_CIRCLES_KM = (10, 100, 1000, FARTHEST_KM)

_POINT = re.compile(r"\s*(-?\d{1,2}(?:\.\d{1,20})?)\s*,\s*(-?\d{1,3}(?:\.\d{1,20})?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Point:
    """A point on the earth, in degrees (WGS 84)."""

    latitude: float
    longitude: float

    @classmethod
    def parse(cls, text: str) -> Point:
        """Return the point for a text such as `59.437,24.753` (latitude, longitude). Raises `ValueError`."""
        match = _POINT.fullmatch(text)
        if match is not None:
            point = cls(float(match[1]), float(match[2]))
            if abs(point.latitude) <= 90 and abs(point.longitude) <= 180:
                return point
        raise ValueError("must be latitude,longitude in degrees, such as 59.437,24.753")


class Alternative(TypedDict):
    """A location with room, as the API shows it."""

    location: str
    name: str
    distance_km: float
    available: int


class Alternatives(TypedDict):
    """The nearest locations with room, and when they were looked up."""

    as_of: str | None
    alternatives: list[Alternative]


def near(locations: LocationQuerySet, point: Point, *, radius_km: float = FARTHEST_KM) -> LocationQuerySet:
    """Return the locations within the radius, each with its `distance_km`.

    Locations without coordinates are left out. The distance is that on a sphere, which differs by at most
    half a percent from that on the ellipsoid.
    """
    return (
        locations.filter(_box(point, radius_km), latitude__isnull=False)
        .annotate(distance_km=_distance(point))
        .filter(distance_km__lte=radius_km)
    )


def with_room(locations: LocationQuerySet, *, size: int, accessible: bool = False) -> LocationQuerySet:
    """Return the locations that have room for a package of this size now, each by its own strategy."""
    room = Q()
    for strategy in STRATEGIES:
        room |= Q(strategy=strategy) & Q(Exists(_candidates(size, strategy, accessible)))
    return locations.filter(room, suspended_at__isnull=True)


def alternatives(
    location: Location, *, size: int, accessible: bool, among: LocationQuerySet | None
) -> Alternatives:
    """Return `nearest_with_room` with the time of the lookup.

    For the whole network, callers within a moment share one lookup, because everybody who comes to a full
    location asks the same.
    """

    def look_up() -> str:
        as_of = moment(database_now())
        nearest = nearest_with_room(location, size=size, accessible=accessible, among=among)
        return json.dumps({"as_of": as_of, "alternatives": nearest})

    name = f"alternatives:{location.pk}:{int(size)}:{int(accessible)}"
    return cast(Alternatives, json.loads(shared(name, look_up) if among is None else look_up()))


def nearest_with_room(
    location: Location,
    *,
    size: int,
    accessible: bool = False,
    among: LocationQuerySet | None = None,
    limit: int = 5,
) -> list[Alternative]:
    """Return the nearest locations with room for a package of this size, among `among`.

    By default `among` is the whole network without the sandbox. The result is empty for a location without
    coordinates.
    """
    if location.latitude is None or location.longitude is None:
        return []
    point = Point(location.latitude, location.longitude)
    if among is None:
        among = Location.objects.filter(sandbox=False)
    others = with_room(among.exclude(pk=location.pk), size=size, accessible=accessible)
    others = others.annotate(available=_available(size, accessible))
    nearest: list[Any] = []
    for radius_km in _CIRCLES_KM:
        nearest = list(near(others, point, radius_km=radius_km).order_by(*NEAREST_FIRST)[:limit])
        if len(nearest) == limit:
            break
    return [
        Alternative(
            location=other.code,
            name=other.name,
            distance_km=round(other.distance_km, 3),
            available=other.available,
        )
        for other in nearest
    ]


def _candidates(size: int, strategy: str, accessible: bool) -> CompartmentQuerySet:
    return candidates(OuterRef("pk"), size=size, strategy=strategy, accessible=accessible).order_by()


def _available(size: int, accessible: bool) -> Case:
    """Return the expression for the number of compartments that a package of this size may get."""
    return Case(
        *(
            When(
                strategy=strategy,
                then=Subquery(
                    _candidates(size, strategy, accessible)
                    .values("location_id")
                    .annotate(count=Count("pk"))
                    .values("count")
                ),
            )
            for strategy in STRATEGIES
        ),
        output_field=IntegerField(),
    )


def _distance(point: Point) -> Combinable:
    """Return the expression for the haversine distance in kilometers."""
    between_parallels = _haversine(F("latitude") - point.latitude)
    between_meridians = _haversine(F("longitude") - point.longitude)
    cosines = Cos(_radians(F("latitude"))) * math.cos(math.radians(point.latitude))
    chord = Sqrt(between_parallels + cosines * between_meridians)
    # Rounding can make the chord of two antipodes greater than 1, which asin rejects.
    return ASin(Least(chord, 1.0), output_field=FloatField()) * (2 * _EARTH_KM)


def _haversine(degrees: Combinable) -> Power:
    return Power(Sin(_radians(degrees) / 2.0), 2)


def _radians(degrees: Combinable) -> Radians:
    """Return the absolute value in radians, never so small that PostgreSQL cannot square it."""
    return Radians(Greatest(Abs(degrees), 1e-100))


def _box(point: Point, radius_km: float) -> Q:
    """Return the condition for the rectangle around the circle, which can use the index."""
    angle = radius_km / _EARTH_KM
    height = math.degrees(angle)
    south, north = point.latitude - height, point.latitude + height
    box = Q(latitude__range=(south, north))
    if south <= -90 or north >= 90:
        return box  # the circle contains a pole, and so crosses every meridian
    width = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(point.latitude))))
    west, east = point.longitude - width, point.longitude + width
    if west < -180:
        return box & (Q(longitude__lte=east) | Q(longitude__gte=west + 360))
    if east > 180:
        return box & (Q(longitude__gte=west) | Q(longitude__lte=east - 360))
    return box & Q(longitude__range=(west, east))
