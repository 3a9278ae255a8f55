"""Refusals of drop-offs and queue entries."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from common.refusals import Refusal

if TYPE_CHECKING:
    from lockers.models import Location


class FitsNoCompartment(Refusal):
    """The package does not fit any compartment size.

    It cannot be delivered to a locker. `errors` names what is too large: `dimensions` or `weight_g`.
    """

    code = "fits_no_compartment"
    status = 422
    example = {"errors": [{"field": "dimensions", "message": "does not fit any compartment size"}]}

    def __init__(self, *, field: str = "dimensions") -> None:
        super().__init__(errors=[{"field": field, "message": "does not fit any compartment size"}])


class LocationFull(Refusal):
    """No compartment that fits is available at this location.

    `alternatives` lists the nearest locations that had room at `as_of`: send a new request for one of them,
    with a new Idempotency-Key.
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
    """The location is not accepting packages right now.

    Take the package to another location, or try again later. Packages already there can still be picked up.
    """

    code = "location_suspended"


class DuplicateTrackingNumber(Refusal):
    """A package with this tracking number already occupies a compartment.

    `package_id` is that package: if you dropped it off, read it. The tracking number can be used again once
    the package has left its compartment. If it is already in the queue, `queue_id` is the entry.
    """

    code = "duplicate_tracking_number"
    example = {
        "package_id": "0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11",
        "queue_id": "0198f4a2-8d10-7b52-a3c4-6e1f9b7d2a30",
    }


class TooManyWaiting(Refusal):
    """The courier has reached its limit of packages in the queue.

    Leave the queue with some of them or find a location with room, then send a new request with a new
    Idempotency-Key.
    """

    code = "too_many_waiting"


class UnknownQueueEntry(Refusal):
    """There is no such queue entry.

    Entries of other couriers get the same answer. `GET /queue` lists yours.
    """

    code = "unknown_queue_entry"
    status = 404


class NotWaiting(Refusal):
    """The queue entry is no longer waiting.

    If it was granted a compartment, `package_id` is its package: cancel that one.
    """

    code = "not_waiting"
    example = {"queue_status": "GRANTED", "package_id": "0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11"}

    def __init__(self, *, status: str, package_id: UUID | None) -> None:
        detail = f"The queue entry is {status}."
        super().__init__(
            detail, queue_status=status, package_id=None if package_id is None else str(package_id)
        )
