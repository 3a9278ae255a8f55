"""Response bodies with queue entries."""

from __future__ import annotations

from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field

from lockers.schemas import CursorOut, MomentOut, SizeName
from packages_app.api.schemas.fields import TrackingNumberOut
from packages_app.models import QueueStatus

_ENTRY: dict[str, Any] = {
    "id": "0198f4a2-8d10-7b52-a3c4-6e1f9b7d2a30",
    "status": "WAITING",
    "position": 3,
    "location": "TLL-01",
    "size": "SMALL",
    "tracking_number": "DPD-4711",
    "created_at": "2026-11-20T10:59:00Z",
    "expires_at": "2026-11-21T10:59:00Z",
    "ended_at": None,
    "package_id": None,
}


class QueueEntryOut(Schema):
    """A queue entry.

    `position` 1 is next. `package_id` is set once the entry has been granted a compartment.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY]})

    id: Annotated[str, Field(examples=[_ENTRY["id"]])]
    status: QueueStatus
    position: Annotated[int | None, Field(examples=[3])]
    location: Annotated[str, Field(examples=["TLL-01"])]
    size: SizeName
    tracking_number: TrackingNumberOut
    created_at: MomentOut
    expires_at: MomentOut
    ended_at: MomentOut | None
    package_id: Annotated[str | None, Field(examples=["0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11"])]


class QueuePage(Schema):
    """A page of queue entries."""

    items: list[QueueEntryOut]
    next_cursor: CursorOut
