"""Take compartments out of service and put them back; each operation locks the compartment's row.

`compartments` is the caller's own set (`Compartment.objects.for_user(user)`): an id outside it does not exist
for them and raises `UnknownCompartment`.
"""

from __future__ import annotations

from datetime import datetime

from common.actor import SYSTEM, Actor
from common.operation import Operation, Step, Sweep
from lockers import errors
from lockers.models import Compartment, CompartmentEvent, CompartmentQuerySet, Repair


@Operation
def take_out_of_service(
    *,
    compartments: CompartmentQuerySet,
    compartment_id: int,
    by: Actor,
    now: datetime,
    reason: str,
    repair_by: datetime | None = None,
) -> Compartment:
    """Give the compartment to no new package; one inside can still be picked up. A repeat changes nothing.

    `repair_by`: when it is to be back in service, as in `plan_repair`.
    """
    reason = reason.strip() or "out of service"
    compartment = compartments.lock(compartment_id)
    if compartment.out_of_service_reason != reason:
        compartment.take_out_of_service(by=by.name, reason=reason, now=now)
    if repair_by is not None:
        _plan(compartment, by=by, repair_by=repair_by)
    return compartment


@Operation
def plan_repair(
    *,
    compartments: CompartmentQuerySet,
    compartment_id: int,
    by: Actor,
    now: datetime,
    repair_by: datetime,
) -> Compartment:
    """Set or change the time at which a compartment that is out of service is to be back.

    At that time it goes back by itself if `confirm_repair` was called, else managers are reminded.
    Raises `NotOutOfService`.
    """
    compartment = compartments.lock(compartment_id)
    if compartment.out_of_service_at is None:
        raise errors.NotOutOfService
    _plan(compartment, by=by, repair_by=repair_by)
    return compartment


@Operation
def confirm_repair(
    *, compartments: CompartmentQuerySet, compartment_id: int, by: Actor, now: datetime
) -> Compartment:
    """Confirm that a compartment works: it goes back in service at its date, or at once if that has passed.

    Raises `NoRepairPlanned` for a compartment without a date, which `put_back_in_service` is for.
    """
    compartment = compartments.lock(compartment_id)
    compartment.confirm_repair(by=by.name, now=now)
    if compartment.repair.due_at <= now:
        compartment.put_back_in_service(by=by.name)
    return compartment


@Operation
def put_back_in_service(
    *, compartments: CompartmentQuerySet, compartment_id: int, by: Actor, now: datetime
) -> Compartment:
    """Put a compartment that works again back in service. A repeat changes nothing."""
    compartment = compartments.lock(compartment_id)
    if compartment.out_of_service_at is not None:
        compartment.put_back_in_service(by=by.name)
    return compartment


@Operation
def confirm_empty(
    *, compartments: CompartmentQuerySet, compartment_id: int, by: Actor, now: datetime
) -> Compartment:
    """Mark an unverified compartment as empty: somebody has looked inside.

    Raises `CompartmentInUse` if a package occupies it.
    """
    compartment = compartments.lock(compartment_id)
    if compartment.occupancy != Compartment.Occupancy.EMPTY:
        compartment.confirm_empty(by=by.name)
    return compartment


@Sweep
def put_back_due(*, now: datetime) -> int:
    """Put every compartment back in service whose repair is due and confirmed; return how many.

    Each is a transaction of its own; rows that others have locked are left to the next run.
    """
    due = Repair.objects.due(now).checked().values_list("pk", flat=True)
    return sum(_put_back(compartment_id=pk, now=now) for pk in list(due))


@Step
def _put_back(*, compartment_id: int, now: datetime) -> bool:
    unlocked = Compartment.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    compartment = unlocked.filter(pk=compartment_id).first()
    repair = Repair.objects.due(now).checked().filter(pk=compartment_id).first()
    if compartment is None or repair is None:
        return False  # locked by somebody else, or changed since we looked
    compartment.put_back_in_service(by=SYSTEM.name)
    return True


def _plan(compartment: Compartment, *, by: Actor, repair_by: datetime) -> None:
    repair = compartment.planned
    if repair is not None and repair.due_at == repair_by:
        return
    compartment.repair, _ = Repair.objects.update_or_create(
        compartment=compartment, defaults={"due_at": repair_by, "reminded_on": None}
    )
    local = repair_by.astimezone(compartment.location.zone)
    compartment.events.create(
        kind=CompartmentEvent.Kind.REPAIR_PLANNED, by=by.name, reason=f"back by {local:%Y-%m-%d %H:%M %Z}"
    )
