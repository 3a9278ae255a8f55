"""The door did not open for a code that was right."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from lockers.models import Compartment, CompartmentEvent
from packages_app import errors
from packages_app.core.actor import SYSTEM, Actor
from packages_app.core.operation import Operation
from packages_app.life.lifecycle import Event, Status
from packages_app.messaging.doors import tell_of_door
from packages_app.models import Package
from packages_app.operations.packages.cancel import cancel

# How long after a pickup a kiosk may still say that the door stayed shut.
WITHIN = timedelta(minutes=5)
# The recipient is not to lose the day because of us.
AT_LEAST = timedelta(days=1)


@Operation
def door_failed(*, package_id: UUID, by: Actor, now: datetime) -> Package:
    """RETRIEVED → STORED, minutes after the pickup: the code works again, recipient and managers are told.

    So does a delegate's code, and they are told: they came in vain, or heard that it had been collected. Said
    again, it changes nothing.
    The compartment shows as `unverified` and stays the package's own until it is collected or returned.
    A door that was reserved meanwhile, and not yet opened, goes back to this package: the reservation is
    called off. Raises `UnknownPackage`, `WrongStatus` (also when it was too long ago), `CompartmentInUse`
    when another package may lie in the door by now, and `DuplicateTrackingNumber` when the courier brought
    it anew.
    """
    package = by.packages().lock(package_id)
    last = package.events.order_by("id").last()
    if package.status == Status.STORED and last is not None and last.event == Event.DOOR_FAILED:
        return package
    if package.retrieved_at is None or package.expires_at is None or package.retrieved_at < now - WITHIN:
        raise errors.WrongStatus(status=package.status)
    _call_off_who_has_not_come(package.compartment_id, now=now)
    door = Compartment.objects.lock(package.compartment_id)
    if door.occupancy not in (door.Occupancy.EMPTY, door.Occupancy.UNVERIFIED):
        raise errors.CompartmentInUse
    Package.objects.refuse_duplicate(package.courier_id, package.tracking_number)
    line = package.move_to(
        Status.STORED,
        event=Event.DOOR_FAILED,
        by=by.name,
        retrieved_at=None,
        released_at=None,
        pickup_receipt=None,
        collected_by_delegate=False,
        expires_at=max(package.expires_at, now + AT_LEAST),
        **package.new_code(version=package.code_version),
    )
    door.hold(door.Occupancy.DOUBTFUL)
    event = door.events.create(
        kind=CompartmentEvent.Kind.UNVERIFIED, by=by.name, reason="door did not open at a pickup"
    )
    tell_of_door(event, package.location_id)
    if package.delegate is not None:
        package.delegate.tell(cause=line.pk, like_recipient=True)
    return package


def _call_off_who_has_not_come(compartment_id: int, *, now: datetime) -> None:
    """At a full location the queue gives a door away moments after a pickup: to somebody who is still far."""
    shut = Package.objects.in_door().filter(status=Status.PENDING, reports_opening=True, opened_at=None)
    reserved = shut.filter(compartment_id=compartment_id).first()
    if reserved is None:
        return
    reserved = Package.objects.lock(reserved.pk)
    if reserved.status == Status.PENDING and not reserved.may_be_inside:
        reason = "the package before it is still in the door"
        cancel.work(package_id=reserved.pk, by=SYSTEM, now=now, reason=reason)
