"""Response bodies with packages, their history and their messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from lockers.schemas import CursorOut, MomentOut, SizeName
from packages_app.api.schemas.fields import PackageId, TrackingNumberOut
from packages_app.life.lifecycle import Event, Status


class CompartmentOut(Schema):
    """A compartment: its locker and label are written on it."""

    id: Annotated[int, Field(examples=[117])]
    locker: Annotated[str, Field(examples=["A"])]
    label: Annotated[str, Field(examples=["S4"])]
    size: SizeName


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
    """Who else may pick up the package.

    `pickup_code` is only there while the package is STORED, and for keys with the scope `codes:read`.
    """

    name: Annotated[str, Field(examples=["Juhan Tamm"])]
    named_at: MomentOut
    pickup_code: Annotated[str | None, Field(examples=["482177309"])] = None


class PackageOut(Schema):
    """A package.

    `pickup_code` is only there while the package is STORED, and for keys with the scope `codes:read`.
    """

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
    """An event in the history of a package.

    `by` is `courier:…`, `kiosk:…`, `manager`, `staff` or `system`.
    """

    at: MomentOut
    event: Event
    from_status: Status | None
    to_status: Status
    by: Annotated[str, Field(examples=["courier:dpd"])]
    reason: Annotated[str | None, Field(examples=["damaged"])]
    compartment: Annotated[str | None, Field(examples=["A-S4"])]


class EventPage(Schema):
    """A page of events."""

    items: list[EventOut]
    next_cursor: CursorOut


class MessageOut(Schema):
    """A message on one channel."""

    kind: Annotated[str, Field(examples=["stored"])]
    channel: Annotated[str, Field(examples=["email"])]
    status: Annotated[
        str,
        Field(
            description="pending, sending, sent, delivered, bounced, dead or suppressed. A message becomes "
            "delivered or bounced when the provider reports it, which not every provider does.",
            examples=["delivered"],
        ),
    ]
    attempts: Annotated[int, Field(examples=[1])]
    created_at: MomentOut
    sent_at: MomentOut | None
    delivered_at: MomentOut | None
    bounced_at: Annotated[MomentOut | None, Field(examples=[None])]
    reason: Annotated[
        str | None,
        Field(
            description="Why a suppressed message was not sent. The wording may change.",
            examples=["the courier's daily cap for SMS is reached"],
        ),
    ]


class MessagePage(Schema):
    """A page of messages."""

    items: list[MessageOut]
    next_cursor: CursorOut
