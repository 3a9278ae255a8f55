"""What the managers of a location are told about its doors."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth import get_user_model

from lockers.models import Compartment, CompartmentEvent, Membership
from notifications import outbox
from notifications.messages import Message, Suppressed
from notifications.models import Notification

_OUT_OF_USE = (Compartment.Status.OUT_OF_SERVICE, Compartment.Status.UNVERIFIED)
_NO_PACKAGE = (Compartment.Occupancy.EMPTY, Compartment.Occupancy.UNVERIFIED)


def tell_of_door(event: CompartmentEvent, location_id: int) -> None:
    """One e-mail to each manager of the location, in the transaction of the event."""
    managers = Membership.objects.filter(location_id=location_id, user__is_active=True)
    for user_id in managers.exclude(user__email="").values_list("user_id", flat=True):
        outbox.enqueue(
            kind="door_out_of_service",
            channels=["email"],
            subject=f"door:{event.pk}:{user_id}",
            dedup_prefix=f"door:{event.pk}:{user_id}",
        )


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """A message, or why there is none any more, for each notification about a door."""
    ids = {row.pk: [int(part) for part in row.subject.split(":")[1:]] for row in notifications}
    events = CompartmentEvent.objects.select_related("compartment__location", "compartment__locker").in_bulk(
        [event_id for event_id, _ in ids.values()]
    )
    users = get_user_model().objects.in_bulk([user_id for _, user_id in ids.values()])
    composed: dict[int, Message | Suppressed] = {}
    for pk, (event_id, user_id) in ids.items():
        event, user = events.get(event_id), users.get(user_id)
        if event is None or user is None or not user.is_active or not user.email:
            composed[pk] = Suppressed("the manager or the door is gone")
        elif event.compartment.location.sandbox:
            composed[pk] = Suppressed("sandbox")
        elif event.compartment.status not in _OUT_OF_USE:
            composed[pk] = Suppressed("the door is back in use")
        else:
            facts = _facts(event, user.get_full_name() or user.get_username())
            composed[pk] = Message(to=user.email, language="en", context=facts)
    return composed


def _facts(event: CompartmentEvent, name: str) -> dict[str, object]:
    door = event.compartment
    return {
        "recipient_name": name,
        "location_name": door.location.name,
        "compartment": str(door),
        "reason": event.reason,
        "holds_package": door.occupancy not in _NO_PACKAGE,
    }
