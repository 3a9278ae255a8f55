"""The request body of `POST /lockers/assign`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from lockers.schemas import LocationCode, SizeName
from packages_app.api.schemas.fields import Millimetres, Strict, TrackingNumber
from packages_app.api.schemas.people import RecipientIn


class Dimensions(Strict):
    """Outer dimensions of the package, which may be turned to fit."""

    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres


# What the validators of `AssignIn` check, in the terms of JSON Schema.
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
    """A package for a location. Give its `size`, or its `dimensions` for the portal to choose the size."""

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
            description="Only with `deposited: false`. true: the door is opened now. false: the door stays "
            "shut until `POST /packages/{id}/open`; if the reservation lapses before, the compartment is "
            "available again. Omitted: the door may be opened at any time, so after a lapsed reservation "
            "somebody checks the compartment before it is used again."
        ),
    ] = None
    queue: Annotated[
        bool, Field(description="If no compartment is available, join the queue instead of `location_full`")
    ] = False
    queue_hours: Annotated[int, Field(ge=1, le=168, description="How long to wait for a compartment")] = 24
    queue_minutes: Annotated[
        int, Field(ge=1, le=240, description="How long a granted compartment stays reserved")
    ] = 15

    @model_validator(mode="after")
    def open_only_what_is_reserved(self) -> AssignIn:
        """Reject a package that is in its compartment although the door was not opened."""
        if self.deposited and self.open is False:
            raise ValueError("open: false needs deposited: false")
        return self

    @model_validator(mode="after")
    def size_or_dimensions(self) -> AssignIn:
        """Reject a body with both a size and dimensions, or with neither."""
        if (self.size is None) == (self.dimensions is None):
            raise ValueError("give either size or dimensions")
        return self
