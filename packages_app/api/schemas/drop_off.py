"""What `POST /lockers/assign` takes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from lockers.schemas import LocationCode, SizeName
from packages_app.api.schemas.fields import Millimetres, Strict, TrackingNumber
from packages_app.api.schemas.people import RecipientIn


class Dimensions(Strict):
    """Outer dimensions of the parcel; it may be turned to fit."""

    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres


# What the validators of `AssignIn` say, for readers of the OpenAPI document.
_ASSIGN_RULES: dict[str, Any] = {
    "examples": [
        {
            "location": "TLL-01",
            "tracking_number": "DPD-4711",
            "size": "SMALL",
            "recipient": {"name": "Mari Tamm", "email": "mari@example.com", "phone": "+3725551234"},
        },
        {
            "location": "TLL-01",
            "tracking_number": "DPD-4712",
            "size": "LARGE",
            "recipient": {"name": "Mari Tamm", "email": "mari@example.com"},
            "queue": True,
            "queue_hours": 12,
            "queue_minutes": 30,
        },
    ],
    "oneOf": [
        {"required": ["size"], "properties": {"size": {"type": "string"}, "dimensions": {"type": "null"}}},
        {
            "required": ["dimensions"],
            "properties": {"size": {"type": "null"}, "dimensions": {"type": "object"}},
        },
    ],
    "if": {"required": ["open"], "properties": {"open": {"const": False}}},
    "then": {"required": ["deposited"], "properties": {"deposited": {"const": False}}},
}


class AssignIn(Strict):
    """A parcel for a location. Give `size`, or `dimensions` and the portal chooses the size."""

    model_config = ConfigDict(json_schema_extra=_ASSIGN_RULES)

    location: LocationCode
    tracking_number: TrackingNumber
    size: SizeName | None = None
    dimensions: Dimensions | None = None
    weight_g: Annotated[int, Field(gt=0, le=1_000_000)] | None = None
    recipient: RecipientIn
    accessible: bool = False
    deposited: bool = True
    reserve_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    open: Annotated[
        bool | None,
        Field(
            description="With `deposited: false`. true: the door is opened now. false: it stays shut until "
            "`POST /packages/{id}/open`, and is free again if the reservation lapses before. Without it the "
            "door may be opened at any time, and is looked into before it is given out again."
        ),
    ] = None
    queue: Annotated[
        bool, Field(description="Where no door is free: wait for one (202) instead of `location_full`")
    ] = False
    queue_hours: Annotated[int, Field(ge=1, le=168, description="How long to wait for a door")] = 24
    queue_minutes: Annotated[
        int, Field(ge=1, le=240, description="How long a door is kept once it is yours")
    ] = 15

    @model_validator(mode="after")
    def open_only_what_is_reserved(self) -> AssignIn:
        """What lies in its door was not left shut."""
        if self.deposited and self.open is False:
            raise ValueError("open: false needs deposited: false")
        return self

    @model_validator(mode="after")
    def size_or_dimensions(self) -> AssignIn:
        """Exactly one of the two."""
        if (self.size is None) == (self.dimensions is None):
            raise ValueError("give either size or dimensions")
        return self
