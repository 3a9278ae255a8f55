"""Parameters and response bodies of the locations API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Schema
from ninja.errors import ValidationError
from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, WithJsonSchema

from lockers.models import Size
from lockers.search import FARTHEST_KM, Point

# Control characters, lone surrogates, and characters that cannot be seen (zero-width, bidi marks).
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ud800-\udfff]")


# The same for the OpenAPI document. JSON has no lone surrogates.
_PRINTABLE = r"\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
_PRINTABLE_PATTERN = f"^[^{_PRINTABLE}]*$"
_NOT_BLANK_PATTERN = rf"^[^{_PRINTABLE}]*[^{_PRINTABLE}\s][^{_PRINTABLE}]*$"


def printable(value: str) -> str:
    """Reject text with characters that cannot be printed."""
    if _UNPRINTABLE.search(value):
        raise ValueError("must contain printable characters only")
    return value


def known_only(request: HttpRequest, *names: str) -> None:
    """Reject unknown query parameters, because a mistyped filter would filter nothing.

    Also reject repeated ones, because only one of the values would count.
    """
    wrong = [
        {"type": "extra_forbidden", "loc": ("query", name), "msg": f"is not one of {', '.join(names)}"}
        for name in request.GET
        if name not in names
    ]
    wrong += [
        {"type": "repeated", "loc": ("query", name), "msg": "must not be repeated"}
        for name, values in request.GET.lists()
        if len(values) > 1
    ]
    if wrong:
        raise ValidationError(wrong)


def _point(value: Any) -> Point:
    return Point.parse(str(value))


if TYPE_CHECKING:
    SizeName = str
else:
    SizeName = Literal[tuple(Size.names)]
PrintableText = Annotated[
    str, AfterValidator(printable), Field(json_schema_extra={"pattern": _PRINTABLE_PATTERN})
]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1),
    AfterValidator(printable),
    Field(json_schema_extra={"pattern": _NOT_BLANK_PATTERN}),
]
LocationCode = Annotated[Text, StringConstraints(max_length=40), Field(examples=["TLL-01"])]
CodeInPath = Annotated[str, Field(description="The location's code", examples=["TLL-01"])]
City = Annotated[Text, StringConstraints(max_length=100), Field(examples=["Tallinn"])]
Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True),
    Field(description="ISO 3166-1 alpha-2", examples=["EE"]),
]
_LATITUDE = r"-?([0-8]?[0-9](\.[0-9]{1,20})?|90(\.0{1,20})?)"
_LONGITUDE = r"-?((1[0-7][0-9]|[0-9]?[0-9])(\.[0-9]{1,20})?|180(\.0{1,20})?)"
Near = Annotated[
    Point,
    PlainValidator(_point),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_LATITUDE},{_LONGITUDE}$",
            "description": "latitude,longitude in degrees (WGS 84)",
            "examples": ["59.437,24.753"],
        }
    ),
]
RadiusKm = Annotated[
    float,
    Field(gt=0, le=FARTHEST_KM, allow_inf_nan=False, description="Requires `near`", examples=[20]),
]
MomentOut = Annotated[
    str,
    Field(
        description="RFC 3339 in UTC",
        examples=["2026-11-20T10:59:00Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
CursorOut = Annotated[
    str | None,
    Field(description="The cursor of the next page; null on the last page", examples=[None]),
]
Total = Annotated[int, Field(ge=0, examples=[12])]


class LocationOut(Schema):
    """A location.

    A `suspended` location is not accepting packages right now. `distance_km` is only there with `near`.
    """

    code: Annotated[str, Field(examples=["TLL-01"])]
    name: Annotated[str, Field(examples=["Tallinn, Balti jaam"])]
    country: Annotated[str, Field(examples=["EE"])]
    region: Annotated[str, Field(examples=["Harju"])]
    city: Annotated[str, Field(examples=["Tallinn"])]
    address: Annotated[str, Field(examples=["Toompuiestee 37"])]
    latitude: Annotated[float | None, Field(examples=[59.44])]
    longitude: Annotated[float | None, Field(examples=[24.737])]
    time_zone: Annotated[str, Field(examples=["Europe/Tallinn"])]
    hold_days: Annotated[int, Field(examples=[3])]
    suspended: bool
    distance_km: Annotated[float | None, Field(examples=[0.8])] = None


class LocationPage(Schema):
    """A page of locations."""

    items: list[LocationOut]
    next_cursor: CursorOut
    as_of: MomentOut | None = None


class CompartmentSizeOut(Schema):
    """The compartments of one size at a location, with their inner dimensions."""

    size: SizeName
    total: Total
    available: Annotated[Total, Field(examples=[5])]
    height_mm: Annotated[int, Field(examples=[80])]
    width_mm: Annotated[int, Field(examples=[380])]
    depth_mm: Annotated[int, Field(examples=[640])]
    max_weight_g: Annotated[int, Field(examples=[2000])]


class LocationDetailOut(LocationOut):
    """A location with its compartments by size, counted at `as_of`."""

    as_of: MomentOut
    sizes: list[CompartmentSizeOut]


class SizeStatusOut(Schema):
    """Compartments of one size by status; the five counts add up to `total`."""

    size: SizeName
    total: Total
    available: Annotated[Total, Field(examples=[5])]
    reserved: Annotated[Total, Field(examples=[1])]
    occupied: Annotated[Total, Field(examples=[4])]
    out_of_service: Annotated[Total, Field(examples=[1])]
    unverified: Annotated[Total, Field(examples=[1])]


class LocationStatusOut(Schema):
    """The compartments of a location, with an entry for every size, counted at `as_of`."""

    location: Annotated[str, Field(examples=["TLL-01"])]
    as_of: MomentOut
    sizes: list[SizeStatusOut]
