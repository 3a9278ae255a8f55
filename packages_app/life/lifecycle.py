"""A package's life, as one table.

PENDING ──deposit──▶ STORED ──pickup──▶ RETRIEVED ──door failed──▶ STORED
   │                   ├──expire──▶ EXPIRED ──return──▶ RETURNED
   │                   │               └──extend──▶ STORED
   └──cancel/lapse─▶ CANCELLED ◀─cancel─ STORED, EXPIRED (holds its door until) ──return──▶ RETURNED
                       └──found in its door after all──▶ STORED, or taken out ──▶ RETURNED

A package that is held back keeps its status; `Package.held_at` withholds the hand-over.
"""

from __future__ import annotations

from django.db.models import TextChoices


class Status(TextChoices):
    PENDING = "PENDING", "Pending"  # a door is reserved, the deposit is not confirmed
    STORED = "STORED", "Stored"  # it lies in its door and can be collected
    RETRIEVED = "RETRIEVED", "Retrieved"  # the recipient has it
    EXPIRED = "EXPIRED", "Expired"  # nobody came in time; it still lies in its door
    CANCELLED = "CANCELLED", "Cancelled"  # called off; still in its door if it was stored
    RETURNED = "RETURNED", "Returned"  # taken out by courier or manager


class Event(TextChoices):
    ASSIGNED = "assigned", "Assigned a door"
    OPENED = "opened", "Courier opened the door"
    DEPOSITED = "deposited", "Deposited"
    REASSIGNED = "reassigned", "Moved to another door"
    RETRIEVED = "retrieved", "Picked up"
    EXPIRED = "expired", "Hold time ended"
    EXTENDED = "extended", "Hold extended"
    CANCELLED = "cancelled", "Cancelled"
    LAPSED = "lapsed", "Reservation lapsed"
    RETURNED = "returned", "Taken out for return"
    CODE_RENEWED = "code_renewed", "New pickup code"
    DOOR_FAILED = "door_failed", "Door did not open"
    HELD = "held", "Held back"
    RELEASED = "released", "No longer held back"
    DELEGATED = "delegated", "Somebody else may collect"
    DELEGATE_RENEWED = "delegate_renewed", "New code for somebody else"
    DELEGATE_REMOVED = "delegate_removed", "Nobody else may collect"
    FOUND = "found", "Found in its door"
    FOUND_TAKEN_OUT = "found_taken_out", "Found in its door and taken out"
    HOLD_STOPPED = "hold_stopped", "Hold clock stopped: the location is silent"
    LOCATION_SUSPENDED = "location_suspended", "Location suspended: the hold clock stands"
    LOCATION_RESUMED = "location_resumed", "Location is back: the lost time was given back"


# What somebody may still collect, now or later; only such a package can be held back.
OPEN = (Status.PENDING, Status.STORED, Status.EXPIRED)

# event → the statuses it may be applied to → the status that follows.
TRANSITIONS: dict[Event, dict[str, Status]] = {
    Event.ASSIGNED: {"": Status.PENDING},
    Event.OPENED: {Status.PENDING: Status.PENDING},
    Event.DEPOSITED: {Status.PENDING: Status.STORED},
    Event.REASSIGNED: {Status.PENDING: Status.PENDING, Status.STORED: Status.STORED},
    Event.RETRIEVED: {Status.STORED: Status.RETRIEVED},
    Event.EXPIRED: {Status.STORED: Status.EXPIRED},
    Event.EXTENDED: {Status.STORED: Status.STORED, Status.EXPIRED: Status.STORED},
    Event.CANCELLED: {
        Status.PENDING: Status.CANCELLED,
        Status.STORED: Status.CANCELLED,
        Status.EXPIRED: Status.CANCELLED,
    },
    Event.LAPSED: {Status.PENDING: Status.CANCELLED},
    Event.RETURNED: {Status.EXPIRED: Status.RETURNED, Status.CANCELLED: Status.RETURNED},
    Event.CODE_RENEWED: {Status.STORED: Status.STORED},
    Event.DOOR_FAILED: {Status.RETRIEVED: Status.STORED},
    Event.HELD: {status: status for status in OPEN},
    Event.RELEASED: {status: status for status in OPEN},
    Event.DELEGATED: {Status.STORED: Status.STORED},
    Event.DELEGATE_RENEWED: {Status.STORED: Status.STORED},
    Event.DELEGATE_REMOVED: {Status.STORED: Status.STORED, Status.EXPIRED: Status.EXPIRED},
    Event.FOUND: {Status.CANCELLED: Status.STORED},
    Event.FOUND_TAKEN_OUT: {Status.CANCELLED: Status.RETURNED},
    # What expired while nobody could collect is given back.
    Event.HOLD_STOPPED: {Status.STORED: Status.STORED, Status.EXPIRED: Status.STORED},
    Event.LOCATION_SUSPENDED: {Status.STORED: Status.STORED, Status.EXPIRED: Status.STORED},
    Event.LOCATION_RESUMED: {Status.STORED: Status.STORED, Status.EXPIRED: Status.STORED},
}

# Which events are told to the recipient, under which kind of message (`notifications/` renders it).
# A package that was only reserved was never announced: its end is not either.
TOLD: dict[tuple[Event, str], str] = {
    (Event.DEPOSITED, Status.PENDING): "stored",
    (Event.RETRIEVED, Status.STORED): "retrieved",
    (Event.EXPIRED, Status.STORED): "expired",
    (Event.CANCELLED, Status.STORED): "cancelled",
    (Event.CANCELLED, Status.EXPIRED): "cancelled",
    (Event.RETURNED, Status.EXPIRED): "returned",  # a cancelled one's end was told when it was called off
    (Event.CODE_RENEWED, Status.STORED): "code_renewed",
    (Event.EXTENDED, Status.EXPIRED): "extended",  # who was told that it is over must hear that it is not
    (Event.DOOR_FAILED, Status.RETRIEVED): "door_failed",
    (Event.FOUND, Status.CANCELLED): "stored",
    (Event.HELD, Status.STORED): "held",
    (Event.RELEASED, Status.STORED): "released",
    (Event.LOCATION_SUSPENDED, Status.STORED): "location_suspended",
    (Event.LOCATION_SUSPENDED, Status.EXPIRED): "location_suspended",
    (Event.LOCATION_RESUMED, Status.STORED): "location_resumed",
    (Event.LOCATION_RESUMED, Status.EXPIRED): "location_resumed",
    (Event.DELEGATED, Status.STORED): "delegate_named",
}
# After which events the delegate is told that their code has ended (`delegate_ended`), unless they came.
CODES_END = {
    (Event.EXPIRED, Status.STORED),
    (Event.CANCELLED, Status.STORED),
    (Event.RETRIEVED, Status.STORED),
}
# What a recipient waits for at the door goes before what is good to know.
PRIORITY = {
    "stored": 1,
    "code_renewed": 1,
    "extended": 1,
    "door_failed": 1,
    "released": 1,
    "delegated": 1,
}
DEFAULT_PRIORITY = 5


# Which events couriers are told of, by webhook: every one after which the package has another status.
ANNOUNCED: dict[tuple[Event, str], str] = {
    (event, before): f"package.{after.lower()}"
    for event, moves in TRANSITIONS.items()
    for before, after in moves.items()
    if before != after and after != Status.PENDING
}


def allowed(status: str, to: Status, event: Event) -> bool:
    """Whether `event` leads from `status` to `to`."""
    return TRANSITIONS[event].get(status) == to
