"""Report that a compartment does not work."""

from __future__ import annotations

from datetime import datetime

from lockers.models import Compartment, CompartmentQuerySet
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.messaging.doors import tell_of_door


@Operation
def report_broken(
    *, compartments: CompartmentQuerySet, compartment_id: int, by: Actor, now: datetime, reason: str
) -> Compartment:
    """Take a compartment out of service, and tell the location's managers unless it was out already.

    Managers and staff, who know it themselves, use `lockers.operations.take_out_of_service`.
    Raises `UnknownCompartment` for one outside `compartments`.
    """
    compartment = compartments.lock(compartment_id)
    was_in_service = compartment.out_of_service_at is None
    event = compartment.take_out_of_service(by=by.name, reason=reason, now=now)
    if was_in_service:
        tell_of_door(event, compartment.location_id)
    return compartment
