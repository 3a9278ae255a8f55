"""What the API takes and gives. Requests are strict: unknown fields and wrong types are refused."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from ninja import Schema
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from lockers.schemas import LocationCode, SizeName, Text, printable
from packages_app.lifecycle import Event, Status

# From the year 2000 on: whatever the offset, such a moment exists in UTC too.
_MOMENT = re.compile(r"\A2\d{3}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})\Z")


def _email(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise ValueError("must be an e-mail address") from None
    return value


def _phone(value: str) -> str:
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        raise ValueError("must be a phone number in E.164, such as +3725551234") from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if e164 != value or not phonenumbers.is_possible_number(number):
        raise ValueError("must be a phone number in E.164, such as +3725551234")
    return value


TrackingNumber = Annotated[Text, StringConstraints(max_length=40)]
ReasonText = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(printable)
]
CompartmentId = Annotated[int, Field(ge=1, lt=2**63)]
Millimetres = Annotated[int, Field(gt=0, le=10_000)]


def _rfc3339(value: object) -> object:
    """Refuses what pydantic would read as a moment and RFC 3339 would not: numbers, dates, local times."""
    if not isinstance(value, str) or not _MOMENT.match(value):
        raise ValueError("must be a moment in RFC 3339, such as 2026-11-20T10:59:00Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_rfc3339)]


# Not a Schema of django-ninja: that also reads model instances, which no body is, and takes five times
# as long.
class Strict(BaseModel):
    """A request body: no unknown fields, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Dimensions(Strict):
    """Outer dimensions of the parcel; it may be turned to fit."""

    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres


class RecipientIn(Strict):
    """Who collects: at least one of e-mail and phone, or nobody could be told the code."""

    name: Annotated[Text, StringConstraints(max_length=100)]
    email: Annotated[str, StringConstraints(max_length=254), AfterValidator(_email)] | None = None
    phone: Annotated[str, StringConstraints(max_length=16), AfterValidator(_phone)] | None = None
    language: Literal["en", "de", "pl", "et", "lv", "lt"] = "en"

    @model_validator(mode="after")
    def has_address(self) -> RecipientIn:
        """Refuses a recipient whom no message could reach."""
        if not self.email and not self.phone:
            raise ValueError("give an email, a phone, or both")
        return self


class AssignIn(Strict):
    """A parcel for a location. Give `size`, or `dimensions` and the portal chooses the size."""

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


class ReassignIn(Strict):
    """Why the door will not do (`operations/reassign.py`)."""

    reason: Literal["too_small", "door_stuck", "not_empty", "damaged"]


class FoundIn(Strict):
    """What became of the parcel that was found in its door (`operations/found.py`)."""

    outcome: Literal["stays", "taken_out"]


class CancelIn(Strict):
    """Why, for the history."""

    reason: ReasonText = ""


class ExtendIn(Strict):
    """How much longer."""

    hours: Annotated[int, Field(ge=1, le=168)]


class HoldIn(Strict):
    """Why it is held back, for the history; the recipient does not see it."""

    reason: Literal["fraud", "unpaid", "customs", "other"] = "other"
    note: Annotated[ReasonText, StringConstraints(max_length=150)] = ""


class PickupIn(Strict):
    """What else the kiosk knows. A repeat with the same `nonce` gets the same answer."""

    phone_last4: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")] | None = None
    nonce: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$")] | None = None
    compartment: CompartmentId | None = None


class PickupWithCodeIn(PickupIn):
    """The code in the body, where it stands in no URL."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=40)]


class FaultIn(Strict):
    """What is wrong with a door; `note` is for the location's managers."""

    kind: Literal["door_stuck", "not_empty", "damaged", "dirty"]
    note: Annotated[ReasonText, StringConstraints(max_length=150)] = ""


class HeartbeatIn(Strict):
    """How the location is: the controller's software, and the compartments whose doors do not answer."""

    software_version: Annotated[Text, StringConstraints(max_length=50)]
    silent_compartments: Annotated[list[CompartmentId], Field(max_length=2000)] = []


class CompartmentOut(Schema):
    id: int
    locker: str
    label: str
    size: SizeName


class PackageOut(Schema):
    """A package. `pickup_code` is there for keys with the scope `codes:read`, while it is STORED."""

    id: str
    tracking_number: str
    status: Status
    size: SizeName
    location: str
    compartment: CompartmentOut | None
    created_at: str
    reserved_until: str | None
    opened_at: str | None
    stored_at: str | None
    expires_at: str | None
    retrieved_at: str | None
    cancelled_at: str | None
    returned_at: str | None
    held_at: str | None
    pickup_code: str | None = None


class PackagePage(Schema):
    items: list[PackageOut]
    next_cursor: str | None


class EventOut(Schema):
    at: str
    event: Event
    from_status: Status | None
    to_status: Status
    by: str
    reason: str | None
    compartment: str | None


class EventPage(Schema):
    items: list[EventOut]
    next_cursor: str | None


class MessageOut(Schema):
    kind: str
    channel: str
    status: str
    attempts: int
    created_at: str
    sent_at: str | None


class MessagePage(Schema):
    items: list[MessageOut]
    next_cursor: str | None


class FaultOut(Schema):
    compartment: CompartmentOut
    kind: str
    status: str


class PickupOut(Schema):
    package_id: str
    status: Status
    compartment: CompartmentOut
