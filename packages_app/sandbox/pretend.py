"""Rehearse with a test key: tracking numbers that make something happen.

A sandbox location has real rows, and everything there is done by the same operations as elsewhere. A
pretended recipient, kiosk or sweep does at once what the tracking number says. Live keys never get here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from common.operation import Step
from lockers.models import Compartment, Kiosk, Location
from packages_app import operations
from packages_app.core.actor import SYSTEM, Actor
from packages_app.errors import Refusal
from packages_app.keys.rate_limits import RateLimited
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package
from packages_app.operations.locations.report_fault import Fault
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.rules import rehearsals
from packages_app.secrets import pickup_codes

logger = logging.getLogger(__name__)

KIOSK = "pretend"  # the name of the pretended kiosk
Act = Callable[[Package, datetime], object]


def refuse_call(tracking_number: str) -> None:
    """Refuse the call as if it were one too many. Raises `RateLimited`."""
    if rehearsals.named(tracking_number, {"TEST-RATE-LIMITED": True}):
        raise RateLimited(retry_after=1)


def brought(package_id: UUID, *, by: Actor, now: datetime) -> None:
    """Play what happens once a package has a compartment, and what happens if it is stored at once."""
    package = _play(package_id, ON_DOOR, by, now)
    if package.status == Status.STORED:
        stored(package_id, by=by, now=now)


def stored(package_id: UUID, *, by: Actor, now: datetime) -> None:
    """Play what happens once a package is in its compartment."""
    _play(package_id, ON_DEPOSIT, by, now)


def _play(package_id: UUID, acts: dict[str, Act], by: Actor, now: datetime) -> Package:
    """Play the act of the tracking number; each act is an operation of its own."""
    package = by.packages().select_related("location").get(pk=package_id)
    act = rehearsals.named(package.tracking_number, acts)
    if act is not None:
        try:
            act(package, now)
        except Refusal as refusal:  # another call was faster
            logger.info("Rehearsal of %s was refused: %s", package.pk, refusal.code)
    return package


def _door_stuck(package: Package, now: datetime) -> None:
    operations.report_fault(
        compartments=Compartment.objects.filter(location=package.location),
        compartment_id=package.compartment_id,
        by=_kiosk(package.location),
        now=now,
        fault=Fault.DOOR_STUCK,
        note="rehearsal",
    )


def _collected(package: Package, now: datetime) -> None:
    code = pickup_codes.compute(package.pk, package.code_version, package.code_secret)
    operations.pick_up(by=_kiosk(package.location), now=now, typed=TypedCode(code=code))


def _pickup_stuck(package: Package, now: datetime) -> None:
    _collected(package, now)
    operations.record_door_failure(package_id=package.pk, by=_kiosk(package.location), now=now)


def _expired(package: Package, now: datetime) -> None:
    _end_hold(package_id=package.pk, now=now)


ON_DOOR: dict[str, Act] = {"TEST-DOOR-STUCK": _door_stuck}
ON_DEPOSIT: dict[str, Act] = {
    "TEST-COLLECTED": _collected,
    "TEST-PICKUP-STUCK": _pickup_stuck,
    "TEST-EXPIRED": _expired,
}


@Step
def _end_hold(*, package_id: UUID, now: datetime) -> None:
    package = SYSTEM.packages().filter(location__sandbox=True).lock(package_id)
    package.move_to(Status.EXPIRED, event=Event.EXPIRED, by=SYSTEM.name, expires_at=now)


def _kiosk(location: Location) -> Actor:
    kiosk, _ = Kiosk.objects.get_or_create(location=location, name=KIOSK)
    return Actor(
        name=f"kiosk:{location.code}/{KIOSK}",
        kiosk_id=kiosk.pk,
        location_id=location.pk,
        time_zone=location.time_zone,
    )
