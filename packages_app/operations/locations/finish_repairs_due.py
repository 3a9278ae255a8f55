"""Finish planned repairs: put compartments back in service, or remind managers that they are overdue."""

from __future__ import annotations

from datetime import datetime

from common.operation import Step, Sweep
from lockers import operations
from lockers.models import Location, Repair
from packages_app.messaging.repairs import tell_of_overdue


@Sweep
def finish_repairs_due(*, now: datetime) -> int:
    """Put compartments back whose repair is due and confirmed; remind managers of due ones that are not.

    They are reminded once a day of the location's calendar, from its `morning_hour` on, in one email for all
    its compartments. Return how many compartments were put back or reminded of. Each compartment, and each
    location's reminder, is a transaction of its own.
    """
    done = operations.put_back_due(now=now)
    overdue = Repair.objects.due(now).unchecked()
    for location in Location.objects.filter(pk__in=overdue.order_by().values("compartment__location")):
        if now.astimezone(location.zone).hour >= location.morning_hour:
            done += _remind(location=location, now=now)
    return done


@Step
def _remind(*, location: Location, now: datetime) -> int:
    day = now.astimezone(location.zone).date()
    overdue = Repair.objects.due(now).unchecked().filter(compartment__location=location)
    not_reminded = overdue.exclude(reminded_on__gte=day).select_for_update(skip_locked=True, of=("self",))
    repair_ids = [repair.pk for repair in not_reminded]
    if repair_ids:
        Repair.objects.filter(pk__in=repair_ids).update(reminded_on=day)
        tell_of_overdue(location.pk, day)
    return len(repair_ids)
