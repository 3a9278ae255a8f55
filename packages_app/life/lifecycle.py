"""The life of a package: its statuses and events, what leads where, and who is told of it.

PENDING ──deposit──▶ STORED ──pickup──▶ RETRIEVED ──door failed──▶ STORED
   │                   ├──expire──▶ EXPIRED ──return──▶ RETURNED
   │                   │               └──extend──▶ STORED
   └──cancel/lapse─▶ CANCELLED ◀─cancel─ STORED, EXPIRED (occupies its compartment until) ──return──▶ RETURNED
                       └──found in its compartment after all──▶ STORED, or taken out ──▶ RETURNED

A package that is on hold keeps its status; `Package.held_at` blocks the pickup.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import TextChoices


class Status(TextChoices):
    """Where a package is in its life."""

    PENDING = "PENDING", "Pending"  # a compartment is reserved, the deposit is not confirmed
    STORED = "STORED", "Stored"  # it is in its compartment and can be picked up
    RETRIEVED = "RETRIEVED", "Retrieved"  # the recipient has it
    EXPIRED = "EXPIRED", "Expired"  # nobody came in time; it is still in its compartment
    CANCELLED = "CANCELLED", "Canceled"  # called off; still in its compartment if it was stored
    RETURNED = "RETURNED", "Returned"  # taken out by courier or manager


@dataclass(frozen=True)
class StatusRule:
    """What holds for every package in a status. Checks in the database and an invariant derive from it."""

    # Whether it occupies its compartment: always, never, or (None) until `released_at` is set.
    occupies: bool | None
    # It has a pickup code, by which a kiosk finds it.
    has_code: bool = False
    # The column that has a value exactly in this status.
    moment: str = ""


RULES: dict[Status, StatusRule] = {
    Status.PENDING: StatusRule(occupies=True, moment="reserved_until"),
    Status.STORED: StatusRule(occupies=True, has_code=True),
    Status.RETRIEVED: StatusRule(occupies=False, moment="retrieved_at"),
    Status.EXPIRED: StatusRule(occupies=True, has_code=True),
    Status.CANCELLED: StatusRule(occupies=None),
    Status.RETURNED: StatusRule(occupies=False, moment="returned_at"),
}
# What somebody may still pick up, now or later; only such a package can be on hold.
OPEN = tuple(status for status, rule in RULES.items() if rule.occupies)
OUT = tuple(status for status, rule in RULES.items() if rule.occupies is False)
WITH_CODE = tuple(status for status, rule in RULES.items() if rule.has_code)


class Event(TextChoices):
    """What happens to a package: each is a line of its history."""

    ASSIGNED = "assigned", "Compartment assigned"
    OPENED = "opened", "Door opened by the courier"
    DEPOSITED = "deposited", "Deposited"
    REASSIGNED = "reassigned", "Moved to another compartment"
    RETRIEVED = "retrieved", "Picked up"
    EXPIRED = "expired", "Pickup deadline passed"
    EXTENDED = "extended", "Hold extended"
    CANCELLED = "cancelled", "Canceled"
    LAPSED = "lapsed", "Reservation lapsed"
    RETURNED = "returned", "Taken out for return"
    CODE_RENEWED = "code_renewed", "New pickup code"
    DOOR_FAILED = "door_failed", "Door did not open"
    HELD = "held", "Put on hold"
    RELEASED = "released", "Released"
    DELEGATED = "delegated", "Delegate named"
    DELEGATE_RENEWED = "delegate_renewed", "New code for the delegate"
    DELEGATE_REMOVED = "delegate_removed", "Delegate removed"
    FOUND = "found", "Found in its compartment"
    FOUND_TAKEN_OUT = "found_taken_out", "Found in its compartment and taken out"
    HOLD_STOPPED = "hold_stopped", "Deadlines paused: the location is offline"
    LOCATION_SUSPENDED = "location_suspended", "Deadlines paused: the location is suspended"
    LOCATION_RESUMED = "location_resumed", "Deadlines moved: the location is back"


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


class EventType(TextChoices):
    """What a courier can be told of by webhook. A new one reaches only webhooks that ask for it."""

    PACKAGE_STORED = "package.stored", "A package lies in its door"
    PACKAGE_RETRIEVED = "package.retrieved", "The recipient has it"
    PACKAGE_EXPIRED = "package.expired", "Nobody came in time"
    PACKAGE_CANCELLED = "package.cancelled", "It was called off, or its reservation lapsed"
    PACKAGE_RETURNED = "package.returned", "It was taken out for return"
    PACKAGE_REMINDER_SENT = "package.reminder_sent", "The recipient was reminded"
    RETURNS_LIST = "returns.list", "In the morning: what waits at a location to be taken back"
    PACKAGE_QUEUED_DOOR = "package.queued_door", "What waited in the queue has a door, until reserved_until"
    QUEUE_EXPIRED = "queue.expired", "It waited in the queue in vain"
    LOCATION_SUSPENDED = "location.suspended", "A location takes no packages at present"
    LOCATION_RESUMED = "location.resumed", "It takes packages again"


# Which events couriers are told of, by webhook: every one after which the package has another status.
ANNOUNCED: dict[tuple[Event, str], str] = {
    (event, before): f"package.{after.lower()}"
    for event, moves in TRANSITIONS.items()
    for before, after in moves.items()
    if before != after and after != Status.PENDING
}


def allowed(status: str, to: Status, event: Event) -> bool:
    """Return whether `event` leads from `status` to `to`."""
    return TRANSITIONS[event].get(status) == to
