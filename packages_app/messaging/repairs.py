"""Messages to managers about overdue repairs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from lockers.models import Location, Repair
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.messaging.locations import tell_managers
from packages_app.messaging.managers import managers


def tell_of_overdue(location_id: int, day: date) -> None:
    """Write an email to each manager of the location, once on `day`."""
    tell_managers(
        location_id,
        kind="repair_overdue",
        subject=f"repairs:{location_id}",
        dedup_prefix=f"repairs:{location_id}:{day}",
    )


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the message with what is overdue now, or why there is none, for each notification."""
    ids = {row.pk: [int(part) for part in row.subject.split(":")[1:]] for row in notifications}
    locations = Location.objects.in_bulk([location_id for location_id, _ in ids.values()])
    known = managers([(location_id, user_id) for location_id, user_id in ids.values()])
    composed: dict[int, Message | Suppressed] = {}
    for row in notifications:
        location_id, user_id = ids[row.pk]
        manager, location = known.get((location_id, user_id)), locations[location_id]
        if manager is None:
            composed[row.pk] = Suppressed("the manager is gone")
        elif location.sandbox:
            composed[row.pk] = Suppressed("sandbox")
        elif not (lines := _lines(location, row)):
            composed[row.pk] = Suppressed("nothing is overdue any more")
        else:
            composed[row.pk] = manager.message(
                {"location_name": location.name, "location_code": location.code, "lines": lines}
            )
    return composed


def _lines(location: Location, row: Notification) -> list[dict[str, object]]:
    """Return the repairs that were overdue when the message was written, and still are."""
    overdue = Repair.objects.due(row.created_at).unchecked().filter(compartment__location=location)
    return [
        {
            "compartment": str(repair.compartment),
            "reason": repair.compartment.out_of_service_reason,
            "due_at": repair.due_at.astimezone(location.zone),
        }
        for repair in overdue.select_related("compartment__locker")
    ]
