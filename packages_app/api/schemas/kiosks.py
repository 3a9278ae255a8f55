"""Schemas of the calls of kiosks, and of reports of faults."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import Field, StringConstraints

from lockers.schemas import Text
from packages_app.api.schemas.fields import CompartmentId, PackageId, PickupCode, ReasonText, Strict
from packages_app.api.schemas.packages import CompartmentOut
from packages_app.life.lifecycle import Status


class PickupIn(Strict):
    """What else the kiosk knows. A repeat with the same `nonce` gets the same response."""

    phone_last4: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$"), Field(examples=["1234"])] | None = (
        None
    )
    nonce: (
        Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$"), Field(examples=["screen-1-0001"])]
        | None
    ) = None
    compartment: CompartmentId | None = None


class PickupWithCodeIn(PickupIn):
    """A pickup with the code in the body."""

    code: Annotated[PickupCode, StringConstraints(min_length=1, max_length=40)]


class FaultIn(Strict):
    """What is wrong with a compartment; `note` is for the location's managers."""

    kind: Literal["door_stuck", "not_empty", "damaged", "dirty"]
    note: Annotated[ReasonText, StringConstraints(max_length=150)] = ""


class HeartbeatIn(Strict):
    """The software version of the kiosk, and the ids of compartments whose doors do not respond."""

    software_version: Annotated[Text, StringConstraints(max_length=50), Field(examples=["4.2.0"])]
    silent_compartments: Annotated[list[CompartmentId], Field(max_length=2000)] = []


class FaultOut(Schema):
    """The reported compartment and its status after the report."""

    compartment: CompartmentOut
    kind: Annotated[str, Field(examples=["door_stuck"])]
    status: Annotated[str, Field(examples=["out_of_service"])]


class PickupOut(Schema):
    """The compartment whose door is open now."""

    package_id: PackageId
    status: Status
    compartment: CompartmentOut
