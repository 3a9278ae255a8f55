"""What the API of locations takes and gives."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Schema
from ninja.errors import ValidationError
from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, WithJsonSchema

from lockers.finding import FARTHEST_KM, Point

# Control characters, lone surrogates, and what is written but cannot be seen (zero-width, bidi marks).
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ud800-\udfff]")


def printable(value: str) -> str:
    """Refuses text that holds anything a person could not read back."""
    if _UNPRINTABLE.search(value):
        raise ValueError("must hold printable characters only")
    return value


def known_only(request: HttpRequest, *names: str) -> None:
    """Refuses a query parameter that the call does not know: a mistyped filter would filter nothing."""
    unknown = [
        {"type": "extra_forbidden", "loc": ("query", name), "msg": f"is none of {', '.join(names)}"}
        for name in request.GET
        if name not in names
    ]
    if unknown:
        raise ValidationError(unknown)


def _point(value: Any) -> Point:
    return Point.parse(str(value))


SizeName = Literal["SMALL", "MEDIUM", "LARGE"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(printable)]
LocationCode = Annotated[Text, StringConstraints(max_length=40)]
City = Annotated[Text, StringConstraints(max_length=100)]
Country = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True), Field(description="ISO 3166-1 alpha-2")
]
Near = Annotated[
    Point,
    PlainValidator(_point),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^-?\d{1,2}(\.\d+)?,-?\d{1,3}(\.\d+)?$",
            "description": "latitude,longitude in degrees (WGS 84)",
        }
    ),
]
RadiusKm = Annotated[float, Field(gt=0, le=FARTHEST_KM, allow_inf_nan=False, description="Only with `near`")]


class LocationOut(Schema):
    """A location. `suspended`: it takes no packages at present. `distance_km` is there with `near`."""

    code: str
    name: str
    country: str
    region: str
    city: str
    address: str
    latitude: float | None
    longitude: float | None
    time_zone: str
    hold_days: int
    suspended: bool
    distance_km: float | None = None


class LocationPage(Schema):
    items: list[LocationOut]
    next_cursor: str | None
    as_of: str | None = None


class CompartmentSizeOut(Schema):
    """A size of compartment at a location, with its inner dimensions."""

    size: SizeName
    total: int
    available: int
    height_mm: int
    width_mm: int
    depth_mm: int
    max_weight_g: int


class LocationDetailOut(LocationOut):
    """A location with the sizes it has, counted at `as_of`."""

    as_of: str
    sizes: list[CompartmentSizeOut]


class SizeStatusOut(Schema):
    """Doors of one size by what is known of them; the five add up to `total`."""

    size: SizeName
    total: int
    available: int
    reserved: int
    occupied: int
    out_of_service: int
    unverified: int


class LocationStatusOut(Schema):
    """A location's doors, every size present, counted at `as_of`."""

    location: str
    as_of: str
    sizes: list[SizeStatusOut]
