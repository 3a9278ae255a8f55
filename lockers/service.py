"""A door taken out of use and back, each in one transaction under the door's lock.

`compartments` is the caller's own set of doors (`Compartment.objects.for_user(user)`): an id outside it
does not exist for them and raises `UnknownCompartment`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lockers.models import Compartment, CompartmentQuerySet


def take_out_of_service(
    *, compartments: CompartmentQuerySet, compartment_id: int, by: str, reason: str, now: datetime
) -> Compartment:
    """No new package gets this door; one that lies in it can still be collected. A repeat changes nothing."""
    reason = reason.strip() or "out of service"
    with transaction.atomic(durable=True):
        compartment = compartments.lock(compartment_id)
        if compartment.out_of_service_reason != reason:
            compartment.take_out_of_service(by=by, reason=reason, now=now)
    return compartment


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
