"""The JSON of packages and their history, as `api/schemas/` declares it.

Built by hand, because hot answers are made a thousand times a second, and a kept answer must not change.
"""

from __future__ import annotations

from typing import Any

from common.clock import moment as moment
from lockers.models import Size
from notifications.models import Notification
from packages_app.life.lifecycle import Status
from packages_app.life.package_fields import MOMENTS
from packages_app.models import Delegate, Package, PackageEvent, QueueEntry
from packages_app.payloads.answer import Answer
from packages_app.payloads.results import Assigned, Opened
from packages_app.secrets import pickup_codes

Json = dict[str, Any]


def door(compartment_id: int, locker: str, label: str, size: int) -> Json:
    """Return a compartment as the API shows it."""
    return {"id": compartment_id, "locker": locker, "label": label, "size": Size(size).name}


def package(
    row: Package, *, location: str, compartment: Json | None, code: bool, delegate: Delegate | None = None
) -> Json:
    """Return a package, with its pickup codes if `code` is true and the package is STORED."""
    codes_shown = code and row.status == Status.STORED
    body = {
        "id": str(row.pk),
        "tracking_number": row.tracking_number,
        "status": str(row.status),
        "size": Size(row.size).name,
        "location": location,
        "compartment": compartment,
        "created_at": moment(row.created_at),
        **{name: moment(getattr(row, name)) for name in MOMENTS},
        "collected_by": _collected_by(row),
        "delegate": _delegate(delegate, code=codes_shown) if delegate and delegate.name else None,
    }
    if codes_shown and pickup_codes.computable(row.code_secret):
        body["pickup_code"] = pickup_codes.compute(row.pk, row.code_version, row.code_secret)
    return body


def of_row(row: Package, *, code: bool) -> Json:
    """Return a package read with its location and compartment, which it shows while it occupies it."""
    held = row.compartment if row.holds_door else None
    compartment = door(held.pk, held.locker.name, held.label, held.size) if held else None
    return package(row, location=row.location.code, compartment=compartment, code=code, delegate=row.delegate)


def _collected_by(row: Package) -> str | None:
    if row.status != Status.RETRIEVED:
        return None
    return "delegate" if row.collected_by_delegate else "recipient"


def _delegate(one: Delegate, *, code: bool) -> Json:
    body: Json = {"name": one.name, "named_at": moment(one.named_at)}
    if code and one.withdrawn_at is None and pickup_codes.computable(one.code_secret):
        body["pickup_code"] = one.code
    return body


def answer(row: Package, *, status: int, code: bool) -> Answer:
    """Return the answer to an operation on one package."""
    body = of_row(row, code=code)
    one = row.delegate if body["delegate"] else None
    return Answer(
        status,
        body,
        code_of=_code_of(row) if code else None,
        delegate_of=(one.pk, one.code_version, one.code_secret) if one else None,
    )


def assigned(result: Assigned, *, code: bool) -> Answer:
    """Return the answer to a drop-off."""
    row = result.package
    compartment = None
    if result.compartment_id:
        compartment = door(result.compartment_id, result.locker, result.label, result.compartment_size)
    body = package(row, location=result.location.code, compartment=compartment, code=code)
    return Answer(201, body, code_of=_code_of(row) if code else None)


def assigned_or_waiting(result: Assigned | QueueEntry, *, code: bool) -> Answer:
    """Return the answer to a drop-off that may wait: 201 with the package, or 202 with the queue entry."""
    return Answer(202, queue_entry(result)) if isinstance(result, QueueEntry) else assigned(result, code=code)


def queue_entry(row: QueueEntry) -> Json:
    """Return a queue entry that was read with its location."""
    return {
        "id": str(row.pk),
        "status": str(row.status),
        "position": row.position,
        "location": row.location.code,
        "size": Size(row.size).name,
        "tracking_number": row.tracking_number,
        "created_at": moment(row.created_at),
        "expires_at": moment(row.expires_at),
        "ended_at": moment(row.ended_at),
        "package_id": None if row.package_id is None else str(row.package_id),
    }


def opened(result: Opened) -> Json:
    """Return the answer to a pickup."""
    compartment = door(result.compartment_id, result.locker, result.label, result.compartment_size)
    return {"package_id": str(result.package_id), "status": str(Status.RETRIEVED), "compartment": compartment}


def event(line: PackageEvent) -> Json:
    """Return one line of the history, with the role instead of the name of the network's own people."""
    kind = line.by.partition(":")[0]
    return {
        "at": moment(line.at),
        "event": line.event,
        "from_status": line.from_status or None,
        "to_status": line.to_status,
        "by": kind if kind in ("manager", "staff") else line.by,
        "reason": line.reason or None,
        "compartment": str(line.compartment) if line.compartment else None,
    }


def message(row: Notification) -> Json:
    """Return what became of a message, never its text."""
    return {
        "kind": row.kind,
        "channel": row.channel,
        "status": row.status,
        "attempts": row.attempts,
        "created_at": moment(row.created_at),
        "sent_at": moment(row.sent_at),
        "delivered_at": moment(row.receipt_at) if row.status == "delivered" else None,
        "bounced_at": moment(row.receipt_at) if row.status == "bounced" else None,
        "reason": row.reason if row.status == "suppressed" else None,
    }


def _code_of(row: Package) -> tuple[Any, int, int] | None:
    return (row.pk, row.code_version, row.code_secret) if row.status == Status.STORED else None
