"""Record that a compartment's door did not open for a code that was right."""

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

# How long after a pickup a kiosk may report that the door stayed shut.
WITHIN = timedelta(minutes=5)
# The recipient has at least this long to come again: the failure was not theirs.
AT_LEAST = timedelta(days=1)


@Operation
def record_door_failure(*, package_id: UUID, by: Actor, now: datetime) -> Package:
    """Undo a pickup of minutes ago whose door did not open, RETRIEVED → STORED.

    The recipient's code works again; they and the location's managers are told. A delegate's code works again
    too, and they are told, for they came in vain or were told that the package had been picked up. A repeat
    changes nothing. The compartment shows as `unverified`, and the package occupies it until it is picked up
    or returned. If it was reserved meanwhile and not yet opened, that reservation is canceled.
    Raises `UnknownPackage`, `WrongStatus` (also when the pickup was too long ago), `CompartmentInUse` if
    another package may be in the compartment by now, and `DuplicateTrackingNumber` if the courier has brought
    the package anew.
    """
    package = by.packages().lock(package_id)
    last = package.events.order_by("id").last()
    if package.status == Status.STORED and last is not None and last.event == Event.DOOR_FAILED:
        return package
    if package.retrieved_at is None or package.expires_at is None or package.retrieved_at < now - WITHIN:
        raise errors.WrongStatus(status=package.status)
    _cancel_unopened_reservation(package.compartment_id, now=now)
    compartment = Compartment.objects.lock(package.compartment_id)
    if compartment.occupancy not in (compartment.Occupancy.EMPTY, compartment.Occupancy.UNVERIFIED):
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
    compartment.hold(compartment.Occupancy.DOUBTFUL)
    event = compartment.events.create(
        kind=CompartmentEvent.Kind.UNVERIFIED, by=by.name, reason="door did not open at a pickup"
    )
    tell_of_door(event, package.location_id)
    if package.delegate is not None:
        package.delegate.tell(cause=line.pk, like_recipient=True)
    return package


def _cancel_unopened_reservation(compartment_id: int, *, now: datetime) -> None:
    """Cancel what the queue was granted moments after the pickup: its courier is still on the way."""
    unopened = Package.objects.in_door().filter(status=Status.PENDING, reports_opening=True, opened_at=None)
    reserved = unopened.filter(compartment_id=compartment_id).first()
    if reserved is None:
        return
    reserved = Package.objects.lock(reserved.pk)
    if reserved.status == Status.PENDING and not reserved.may_be_inside:
        reason = "the package before it is still in the door"
        cancel.work(package_id=reserved.pk, by=SYSTEM, now=now, reason=reason)
