"""Refusals of a parcel that is to be dropped off, or to wait for a door."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from common.refusals import Refusal

if TYPE_CHECKING:
    from lockers.models import Location


class FitsNoCompartment(Refusal):
    """The package fits no compartment of any size.

    It cannot be delivered to a locker. `errors` says what is too much: `dimensions` or `weight_g`.
    """

    code = "fits_no_compartment"
    status = 422
    example = {"errors": [{"field": "dimensions", "message": "fits no compartment of any size"}]}

    def __init__(self, *, field: str = "dimensions") -> None:
        super().__init__(errors=[{"field": field, "message": "fits no compartment of any size"}])


class LocationFull(Refusal):
    """No compartment that fits is free at this location.

    `alternatives` are the nearest locations that had room at `as_of`: ask again for one of them, with a new
    Idempotency-Key.
    """

    code = "location_full"
    example = {
        "as_of": "2026-11-20T10:59:00Z",
        "alternatives": [
            {"location": "TLL-02", "name": "Tallinn, Balti jaam", "distance_km": 0.8, "available": 3}
        ],
    }

    def __init__(self, *, location: Location, size: int, accessible: bool) -> None:
        super().__init__()
        self.location, self.size, self.accessible = location, size, accessible


class LocationSuspended(Refusal):
    """The location takes no packages at present.

    Bring the package to another location, or later; what lies there can still be collected.
    """

    code = "location_suspended"


class DuplicateTrackingNumber(Refusal):
    """This tracking number already holds a compartment.

    `package_id` is the package that has it. If it was you who brought it, read that one; a number is free
    again once its package is out of the door. With `queue: true`, `queue_id` is where it waits already.
    """

    code = "duplicate_tracking_number"
    example = {
        "package_id": "0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11",
        "queue_id": "0198f4a2-8d10-7b52-a3c4-6e1f9b7d2a30",
    }


class TooManyWaiting(Refusal):
    """As many of the courier's parcels wait for doors as may.

    Let some leave the queue, or ask where there is room; then again, with a new Idempotency-Key.
    """

    code = "too_many_waiting"


class UnknownQueueEntry(Refusal):
    """There is no such place in the queue.

    Nor is there one of another courier's. `GET /queue` lists yours.
    """

    code = "unknown_queue_entry"
    status = 404


class NotWaiting(Refusal):
    """It no longer waits in the queue.

    What was granted a door is the package `package_id`: cancel that one.
    """

    code = "not_waiting"
    example = {"queue_status": "GRANTED", "package_id": "0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11"}

    def __init__(self, *, status: str, package_id: UUID | None) -> None:
        detail = f"The place in the queue is {status}."
        super().__init__(
            detail, queue_status=status, package_id=None if package_id is None else str(package_id)
        )
