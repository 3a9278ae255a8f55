"""Doors that are out of service come back, or managers hear that they are overdue."""

from __future__ import annotations

from datetime import datetime

from lockers import operations
from lockers.models import Location, Repair
from packages_app.core.actor import SYSTEM
from packages_app.core.operation import Operation
from packages_app.messaging.repairs import tell_of_overdue


def repairs(*, now: datetime) -> int:
    """What was checked and is due is put back in service; of what is due and unchecked managers are reminded.

    They hear once in a day of the location's calendar, from its `morning_hour` on, in one e-mail for all its
    doors. Returns how many doors were put back or told of. Two at once, or one that is killed, do nothing
    twice: each door, and each location's reminder, is a transaction of its own.
    """
    done = operations.put_back_repaired(by=SYSTEM.name, now=now)
    overdue = Repair.objects.due(now).unchecked()
    for location in Location.objects.filter(pk__in=overdue.order_by().values("compartment__location")):
        if now.astimezone(location.zone).hour >= location.morning_hour:
            done += _remind(location=location, now=now)
    return done


@Operation
def _remind(*, location: Location, now: datetime) -> int:
    day = now.astimezone(location.zone).date()
    overdue = Repair.objects.due(now).unchecked().filter(compartment__location=location)
    untold = overdue.exclude(reminded_on__gte=day).select_for_update(skip_locked=True, of=("self",))
    doors = [repair.pk for repair in untold]
    if doors:
        Repair.objects.filter(pk__in=doors).update(reminded_on=day)
        tell_of_overdue(location.pk, day)
    return len(doors)
