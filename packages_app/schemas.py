"""What the API takes and gives. Requests are strict: unknown fields and wrong types are refused."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

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

from lockers.schemas import CursorOut, LocationCode, MomentOut, PrintableText, SizeName, Text
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


Email = Annotated[
    str,
    StringConstraints(max_length=254),
    AfterValidator(_email),
    Field(examples=["mari@example.com"], json_schema_extra={"format": "email"}),
]
Phone = Annotated[
    str,
    StringConstraints(max_length=16),
    AfterValidator(_phone),
    Field(description="E.164", examples=["+3725551234"], json_schema_extra={"format": "e164"}),
]
TrackingNumber = Annotated[Text, StringConstraints(max_length=40), Field(examples=["DPD-4711"])]
ReasonText = Annotated[
    PrintableText, StringConstraints(strip_whitespace=True, max_length=200), Field(examples=["sent twice"])
]
PickupCode = Annotated[str, Field(description="As the recipient has typed it", examples=["4821 7730"])]
CompartmentId = Annotated[int, Field(ge=1, lt=2**63)]
Millimetres = Annotated[int, Field(gt=0, le=10_000)]


def _rfc3339(value: object) -> object:
    """Refuses what pydantic would read as a moment and RFC 3339 would not: numbers, dates, local times."""
    if not isinstance(value, str) or not _MOMENT.match(value):
        raise ValueError("must be a moment in RFC 3339, such as 2026-11-20T10:59:00Z")
    return value


Moment = Annotated[
    datetime,
    BeforeValidator(_rfc3339),
    Field(
        description="RFC 3339, with its offset, from the year 2000 on",
        examples=["2026-11-20T10:59:00Z"],
        json_schema_extra={"pattern": "^2"},
    ),
]


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


# Which address each channel needs; and what the validators say of both, for readers of the document.
_ADDRESSES = {"email": "email", "sms": "phone"}
_NEEDS = {
    address: {"required": [address], "properties": {address: {"type": "string"}}}
    for address in _ADDRESSES.values()
}
_HAS_ADDRESS: dict[str, Any] = {"anyOf": list(_NEEDS.values())}
_HAS_EACH: dict[str, Any] = {
    "allOf": [
        {
            "if": {
                "required": ["channels"],
                "properties": {"channels": {"type": "array", "contains": {"const": channel}}},
            },
            "then": _NEEDS[address],
        }
        for channel, address in _ADDRESSES.items()
    ]
}


class PersonIn(Strict):
    """Who collects: at least one of e-mail and phone, or nobody could be told the code."""

    model_config = ConfigDict(json_schema_extra=_HAS_ADDRESS)

    name: Annotated[Text, StringConstraints(max_length=100), Field(examples=["Mari Tamm"])]
    email: Email | None = None
    phone: Phone | None = None
    language: Literal["en", "de", "pl", "et", "lv", "lt"] = "en"

    @model_validator(mode="after")
    def has_address(self) -> PersonIn:
        """Refuses somebody whom no message could reach."""
        if not self.email and not self.phone:
            raise ValueError("give an email, a phone, or both")
        return self


def _each_once(channels: list[str]) -> list[str]:
    if len(set(channels)) < len(channels):
        raise ValueError("must name each channel once")
    return channels


Channels = Annotated[
    list[Literal["email", "sms"]],
    AfterValidator(_each_once),
    Field(
        min_length=1,
        max_length=2,
        description="By which they are told of this package; each needs its address. "
        "Without it: by every one that there is an address for.",
        examples=[["email"]],
        json_schema_extra={"uniqueItems": True},
    ),
]


class RecipientIn(PersonIn):
    """Whose package it is, and by which channels they are told of it."""

    model_config = ConfigDict(json_schema_extra=_HAS_ADDRESS | _HAS_EACH)

    channels: Channels | None = None

    @model_validator(mode="after")
    def has_the_address_of_each_channel(self) -> RecipientIn:
        """Refuses a channel that leads nowhere."""
        for channel in self.channels or []:
            if not getattr(self, _ADDRESSES[channel]):
                raise ValueError(f"channels with {channel} need the recipient's {_ADDRESSES[channel]}")
        return self

    @property
    def only_channel(self) -> str:
        """The one channel asked for, as `Recipient` keeps it."""
        return self.channels[0] if self.channels and len(self.channels) == 1 else ""


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


class DelegateIn(PersonIn):
    """Who else may collect: told their own code by e-mail, phone, or both."""


class PickupIn(Strict):
    """What else the kiosk knows. A repeat with the same `nonce` gets the same answer."""

    phone_last4: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$"), Field(examples=["1234"])] | None = (
        None
    )
    nonce: (
        Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$"), Field(examples=["screen-1-0001"])]
        | None
    ) = None
    compartment: CompartmentId | None = None


class PickupWithCodeIn(PickupIn):
    """The code in the body, where it stands in no URL."""

    code: Annotated[PickupCode, StringConstraints(min_length=1, max_length=40)]


class FaultIn(Strict):
    """What is wrong with a door; `note` is for the location's managers."""

    kind: Literal["door_stuck", "not_empty", "damaged", "dirty"]
    note: Annotated[ReasonText, StringConstraints(max_length=150)] = ""


class HeartbeatIn(Strict):
    """How the location is: the controller's software, and the compartments whose doors do not answer."""

    software_version: Annotated[Text, StringConstraints(max_length=50), Field(examples=["4.2.0"])]
    silent_compartments: Annotated[list[CompartmentId], Field(max_length=2000)] = []


class CompartmentOut(Schema):
    """The door to open."""

    id: Annotated[int, Field(examples=[117])]
    locker: Annotated[str, Field(examples=["A"])]
    label: Annotated[str, Field(examples=["S4"])]
    size: SizeName


PackageId = Annotated[str, Field(examples=["0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11"])]
TrackingNumberOut = Annotated[str, Field(examples=["DPD-4711"])]
_PACKAGE: dict[str, Any] = {
    "id": "0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11",
    "tracking_number": "DPD-4711",
    "status": "STORED",
    "size": "SMALL",
    "location": "TLL-01",
    "compartment": {"id": 117, "locker": "A", "label": "S4", "size": "SMALL"},
    "created_at": "2026-11-20T10:59:00Z",
    "reserved_until": None,
    "opened_at": None,
    "stored_at": "2026-11-20T10:59:00Z",
    "expires_at": "2026-11-23T22:00:00Z",
    "retrieved_at": None,
    "cancelled_at": None,
    "returned_at": None,
    "held_at": None,
    "collected_by": None,
    "delegate": {"name": "Juhan Tamm", "named_at": "2026-11-20T12:30:00Z", "pickup_code": "482177309"},
    "pickup_code": "48217730",
}


class DelegateOut(Schema):
    """Who else may collect. `pickup_code` is there for keys with the scope `codes:read`, while STORED."""

    name: Annotated[str, Field(examples=["Juhan Tamm"])]
    named_at: MomentOut
    pickup_code: Annotated[str | None, Field(examples=["482177309"])] = None


class PackageOut(Schema):
    """A package. `pickup_code` is there for keys with the scope `codes:read`, while it is STORED."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PACKAGE]})

    id: PackageId
    tracking_number: TrackingNumberOut
    status: Status
    size: SizeName
    location: Annotated[str, Field(examples=["TLL-01"])]
    compartment: CompartmentOut | None
    created_at: MomentOut
    reserved_until: MomentOut | None
    opened_at: MomentOut | None
    stored_at: MomentOut | None
    expires_at: MomentOut | None
    retrieved_at: MomentOut | None
    cancelled_at: MomentOut | None
    returned_at: MomentOut | None
    held_at: MomentOut | None
    collected_by: Literal["recipient", "delegate"] | None
    delegate: DelegateOut | None
    pickup_code: Annotated[str | None, Field(examples=["48217730"])] = None


class PackagePage(Schema):
    """A page of packages."""

    items: list[PackageOut]
    next_cursor: CursorOut


class EventOut(Schema):
    """One line of a package's history. `by`: `courier:…`, `kiosk:…`, `manager`, `staff`, or `system`."""

    at: MomentOut
    event: Event
    from_status: Status | None
    to_status: Status
    by: Annotated[str, Field(examples=["courier:dpd"])]
    reason: Annotated[str | None, Field(examples=["damaged"])]
    compartment: Annotated[str | None, Field(examples=["A-S4"])]


class EventPage(Schema):
    """A page of a history."""

    items: list[EventOut]
    next_cursor: CursorOut


class MessageOut(Schema):
    """One message on one channel."""

    kind: Annotated[str, Field(examples=["stored"])]
    channel: Annotated[str, Field(examples=["email"])]
    status: Annotated[str, Field(examples=["sent"])]
    attempts: Annotated[int, Field(examples=[1])]
    created_at: MomentOut
    sent_at: MomentOut | None
    reason: Annotated[
        str | None,
        Field(
            description="Why a suppressed one was not sent; words may change.",
            examples=["the courier's daily cap for SMS is reached"],
        ),
    ]


class MessagePage(Schema):
    """A page of messages."""

    items: list[MessageOut]
    next_cursor: CursorOut


class FaultOut(Schema):
    """The door that was reported, and how it stands now."""

    compartment: CompartmentOut
    kind: Annotated[str, Field(examples=["door_stuck"])]
    status: Annotated[str, Field(examples=["out_of_service"])]


class PickupOut(Schema):
    """The door that is open now."""

    package_id: PackageId
    status: Status
    compartment: CompartmentOut
