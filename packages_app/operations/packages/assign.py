"""Assign a compartment to a package that a courier brings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction

from common.operation import DoFirst
from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks
from lockers import allocation
from lockers.models import Compartment, Location, Size
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.idempotency import KeyTaken
from packages_app.core.operation import OneStatement
from packages_app.life.lifecycle import Status
from packages_app.models import Package, Recipient
from packages_app.operations.queue.grant_due import grant_due
from packages_app.payloads.results import Assigned
from packages_app.rules import queueing, rehearsals
from packages_app.secrets import pickup_codes
from packages_app.sql import drop_off

# Makes the parameters with which the statement keeps the answer, from a draft of the result.
Keep = Callable[[Assigned], dict[str, Any]]


@OneStatement
def assign(
    *,
    by: Actor,
    now: datetime,
    location: str,
    tracking_number: str,
    size: Size,
    recipient: Recipient,
    accessible: bool = False,
    deposited: bool = True,
    reserve_for: timedelta = timedelta(minutes=30),
    opened: bool | None = None,
    keep: Keep | None = None,
) -> Assigned:
    """Claim a compartment at the location with this code for a new package of the courier `by`.

    `deposited`: the package is STORED at once and the recipient is told; else the compartment is reserved for
    `reserve_for`, until `deposit` confirms it. `opened`: whether the courier opens a reserved compartment
    now, or not before `open_door` says so; None if they say neither, and it may be opened at any time.
    `recipient` is not saved yet. `keep` comes from `once`, and then `KeyTaken` may be raised too.
    Raises `UnknownLocation`, `LocationSuspended`, `LocationFull`, `BusyTryAgain`,
    `DuplicateTrackingNumber`.
    """
    assert by.courier_id is not None
    found, announces = _open_location(location, by)
    if by.sandbox:
        rehearsals.refuse(tracking_number, location=found, size=size, accessible=accessible)
    package = Package(
        courier_id=by.courier_id,
        tracking_number=tracking_number,
        location=found,
        size=size,
        accessible=accessible,
        created_at=now,
    )
    if deposited:
        _store(package, now)
    else:
        package.reserved_until = now + reserve_for
        package.reports_opening = opened is not None
        package.opened_at = now if opened else None
    compartment = _claim(package, recipient, by, announces=announces, keep=keep)
    if deposited:
        transaction.on_commit(nudge, robust=True)
    if compartment.announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    package.compartment_id = compartment.id
    return Assigned(package, found, compartment.id, compartment.label, compartment.locker, compartment.size)


def _open_location(code: str, by: Actor) -> tuple[Location, bool]:
    """Return the location, and whether the courier has webhooks that may have to be told."""
    rows = fetch(drop_off.LOCATION, {"code": code, "courier_id": by.courier_id})
    if not rows or not by.sees(rows[0].id, sandbox=rows[0].sandbox):
        raise errors.UnknownLocation(f"There is no location {code}.")
    *columns, announces = rows[0]
    location = Location.from_db(DEFAULT_DB_ALIAS, rows[0]._fields[:-1], columns)
    if location.suspended_at is not None:
        raise errors.LocationSuspended
    return location, announces


def _store(package: Package, now: datetime) -> None:
    location = package.location
    if len(settings.PICKUP_CODE_SECRETS) == 1:
        # A collision breaks the unique constraint, and the next run has another id and so another code.
        code = pickup_codes.issue(package.pk, location.pk)
    else:
        code = Package.objects.unused_code(package.pk, location.pk, version=1)
    package.status = Status.STORED
    for name, value in package.storing(now, code).items():
        setattr(package, name, value)


def _claim(package: Package, recipient: Recipient, by: Actor, *, announces: bool, keep: Keep | None) -> Any:
    """Write package, history and messages with the claim; return the row of the claimed compartment."""
    location = package.location
    statement = drop_off.assign(
        location.strategy,
        accessible=package.accessible,
        among=queueing.unclaimed,
        announces=announces,
        keeps=keep is not None,
    )
    params = _params(package, recipient, by)
    if keep is not None:
        params |= keep(Assigned(package, location, 0, "", "", package.size))

    def take() -> Any:
        row = fetch(statement, params)[0]
        if row.duplicate_id is not None:
            raise errors.DuplicateTrackingNumber(package_id=str(row.duplicate_id))
        if row.late:
            raise errors.BusyTryAgain
        if row.taken:
            raise KeyTaken
        return row if row.id is not None else None

    def free() -> bool:
        doors = allocation.candidates(
            location.pk, size=package.size, strategy=location.strategy, accessible=package.accessible
        )
        if not doors.exists():
            return False
        if queueing.unclaimed(doors, location.pk, strategy=location.strategy).exists():
            return True
        raise DoFirst(partial(_serve_queue, now=package.created_at, location_id=location.pk))

    compartment = allocation.look_until_sure(take, free)
    if compartment is None:
        raise errors.LocationFull(location=location, size=package.size, accessible=package.accessible)
    return compartment


def _serve_queue(*, now: datetime, location_id: int) -> None:
    """Serve the queue first; this package may take what is left."""
    allocation.look_until_sure(
        lambda: grant_due(now=now, location_id=location_id) or None,
        queueing.first_in_line(location_id).exists,
    )


def _params(package: Package, recipient: Recipient, by: Actor) -> dict[str, Any]:
    deposited = package.status == Status.STORED
    occupancy = Compartment.Occupancy.OCCUPIED if deposited else Compartment.Occupancy.RESERVED
    return {
        "package_id": package.pk,
        "courier_id": package.courier_id,
        "tracking_number": package.tracking_number,
        "location_id": package.location_id,
        "size": int(package.size),
        "accessible": package.accessible,
        "status": str(package.status),
        "now": package.created_at,
        "reserved_until": package.reserved_until,
        "reports_opening": package.reports_opening,
        "opened_at": package.opened_at,
        "stored_at": package.stored_at,
        "expires_at": package.expires_at,
        "code_version": package.code_version,
        "code_secret": package.code_secret,
        "code_mac": package.code_mac,
        "occupancy": str(occupancy),
        "deposited": deposited,
        "name": recipient.name,
        "email": recipient.email,
        "phone": recipient.phone,
        "language": recipient.language,
        "only_channel": recipient.only_channel,
        "by": by.name,
        "waits_until": by.until,
    }
