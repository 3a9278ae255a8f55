"""Messages to managers about compartments out of service."""

from __future__ import annotations

from collections.abc import Sequence

from lockers.models import Compartment, CompartmentEvent
from notifications import outbox
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.messaging.managers import managers, to_tell

_OUT_OF_USE = (Compartment.Status.OUT_OF_SERVICE, Compartment.Status.UNVERIFIED)
_NO_PACKAGE = (Compartment.Occupancy.EMPTY, Compartment.Occupancy.UNVERIFIED)


def tell_of_door(event: CompartmentEvent, location_id: int) -> None:
    """Write an email to each manager of the location, in the transaction of the event."""
    for user_id in to_tell(location_id):
        outbox.enqueue(
            kind="door_out_of_service",
            channels=["email"],
            subject=f"door:{event.pk}:{user_id}",
            dedup_prefix=f"door:{event.pk}:{user_id}",
        )


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the message, or the reason why there is none, for each notification about a door."""
    ids = {row.pk: [int(part) for part in row.subject.split(":")[1:]] for row in notifications}
    events = CompartmentEvent.objects.select_related("compartment__location", "compartment__locker").in_bulk(
        [event_id for event_id, _ in ids.values()]
    )
    known = managers(
        [(events[one].compartment.location_id, user_id) for one, user_id in ids.values() if one in events]
    )
    composed: dict[int, Message | Suppressed] = {}
    for pk, (event_id, user_id) in ids.items():
        event = events.get(event_id)
        manager = known.get((event.compartment.location_id, user_id)) if event else None
        if event is not None and event.compartment.location.sandbox:
            composed[pk] = Suppressed("sandbox")
        elif event is None or manager is None:
            composed[pk] = Suppressed("the manager or the compartment is gone")
        elif event.compartment.status not in _OUT_OF_USE:
            composed[pk] = Suppressed("the compartment is back in service")
        else:
            composed[pk] = manager.message(_facts(event))
    return composed


def _facts(event: CompartmentEvent) -> dict[str, object]:
    door = event.compartment
    return {
        "location_name": door.location.name,
        "compartment": str(door),
        "reason": event.reason,
        "holds_package": door.occupancy not in _NO_PACKAGE,
    }
