"""A door taken out of use and back, each in one transaction under the door's lock.

`compartments` is the caller's own set of doors (`Compartment.objects.for_user(user)`): an id outside it
does not exist for them and raises `UnknownCompartment`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lockers import errors
from lockers.models import Compartment, CompartmentEvent, CompartmentQuerySet, Repair


def take_out_of_service(
    *,
    compartments: CompartmentQuerySet,
    compartment_id: int,
    by: str,
    reason: str,
    now: datetime,
    repair_by: datetime | None = None,
) -> Compartment:
    """No new package gets this door; one that lies in it can still be collected. A repeat changes nothing.

    `repair_by`: when it is to be back, see `plan_repair`.
    """
    reason = reason.strip() or "out of service"
    with transaction.atomic(durable=True):
        compartment = compartments.lock(compartment_id)
        if compartment.out_of_service_reason != reason:
            compartment.take_out_of_service(by=by, reason=reason, now=now)
        if repair_by is not None:
            _plan(compartment, by=by, repair_by=repair_by)
    return compartment


def plan_repair(
    *, compartments: CompartmentQuerySet, compartment_id: int, by: str, repair_by: datetime
) -> Compartment:
    """A door that is out of service is to be back at `repair_by`; another date than before replaces it.

    At that time it goes back by itself if `confirm_repair` was called, else managers are reminded. Raises
    `NotOutOfService`.
    """
    with transaction.atomic(durable=True):
        compartment = compartments.lock(compartment_id)
        if compartment.out_of_service_at is None:
            raise errors.NotOutOfService
        _plan(compartment, by=by, repair_by=repair_by)
    return compartment


def confirm_repair(
    *, compartments: CompartmentQuerySet, compartment_id: int, by: str, now: datetime
) -> Compartment:
    """Somebody has seen that the door works: it goes back at its date, or at once when that has passed.

    Raises `NoRepairPlanned` for a door without a date: `put_back_in_service` is what is meant then.
    """
    with transaction.atomic(durable=True):
        compartment = compartments.lock(compartment_id)
        compartment.confirm_repair(by=by, now=now)
        if compartment.repair.due_at <= now:
            compartment.put_back_in_service(by=by)
    return compartment


def put_back_repaired(*, by: str, now: datetime) -> int:
    """Every door whose date has passed and that somebody has seen work is back in service; returns how many.

    One transaction for each; what others hold at this moment is left to the next run.
    """
    due = Repair.objects.due(now).checked().values_list("pk", flat=True)
    return sum(_put_back_one(compartment_id, by=by, now=now) for compartment_id in list(due))


def _put_back_one(compartment_id: int, *, by: str, now: datetime) -> bool:
    doors = Compartment.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    with transaction.atomic(durable=True):
        compartment = doors.filter(pk=compartment_id).first()
        repair = Repair.objects.due(now).checked().filter(pk=compartment_id).first()
        if compartment is None or repair is None:
            return False  # somebody is at it, or was meanwhile
        compartment.put_back_in_service(by=by)
    return True


def _plan(compartment: Compartment, *, by: str, repair_by: datetime) -> None:
    repair = compartment.planned
    if repair is not None and repair.due_at == repair_by:
        return
    compartment.repair, _ = Repair.objects.update_or_create(
        compartment=compartment, defaults={"due_at": repair_by, "reminded_on": None}
    )
    local = repair_by.astimezone(compartment.location.zone)
    compartment.events.create(
        kind=CompartmentEvent.Kind.REPAIR_PLANNED, by=by, reason=f"back by {local:%Y-%m-%d %H:%M %Z}"
    )


def put_back_in_service(*, compartments: CompartmentQuerySet, compartment_id: int, by: str) -> Compartment:
    """The door works again."""
    with transaction.atomic(durable=True):
        compartment = compartments.lock(compartment_id)
        if compartment.out_of_service_at is not None:
            compartment.put_back_in_service(by=by)
    return compartment


def confirm_empty(*, compartments: CompartmentQuerySet, compartment_id: int, by: str) -> Compartment:
    """An unverified door was looked at and is empty. Raises `CompartmentInUse` when a package holds it."""
    with transaction.atomic(durable=True):
        compartment = compartments.lock(compartment_id)
        if compartment.occupancy != Compartment.Occupancy.EMPTY:
            compartment.confirm_empty(by=by)
    return compartment
