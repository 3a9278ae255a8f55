"""Assign a compartment to a package that a courier brings, or queue it where none is free."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from common.wakeup import wake_queue
from lockers.models import Size
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import Courier, QueueEntry, Recipient
from packages_app.operations.packages.assign import assign
from packages_app.payloads.results import Assigned
from packages_app.rules import queueing


@Operation
def assign_or_wait(
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
    wait_for: timedelta = timedelta(hours=24),
    keep_minutes: int = 15,
) -> Assigned | QueueEntry:
    """Assign a compartment as `assign` does; at a full location, join the queue for up to `wait_for`.

    The queue is served first come, first served. A compartment that is granted is reserved for
    `keep_minutes`.
    Raises as `assign` does, but `LocationFull` only if no compartment of the location would ever fit, and
    `DuplicateTrackingNumber` also if the parcel is in the queue already. Raises `TooManyWaiting` if
    `QUEUE_MOST_WAITING` of the courier's parcels are in the queue.
    """
    assert by.courier_id is not None
    waits = QueueEntry.objects.waiting().filter(courier_id=by.courier_id, tracking_number=tracking_number)
    if entry := waits.first():
        raise errors.DuplicateTrackingNumber(queue_id=str(entry.pk))
    try:
        return assign.work(
            by=by,
            now=now,
            location=location,
            tracking_number=tracking_number,
            size=size,
            recipient=recipient,
            accessible=accessible,
            deposited=deposited,
            reserve_for=reserve_for,
            opened=opened,
        )
    except errors.LocationFull as full:
        found = full.location
    if not queueing.can_ever_fit(found.pk, size=size, strategy=found.strategy, accessible=accessible):
        raise errors.LocationFull(location=found, size=size, accessible=accessible)
    _check_limit(by.courier_id)
    recipient.save(force_insert=True)
    entry = QueueEntry(
        courier_id=by.courier_id,
        tracking_number=tracking_number,
        location=found,
        recipient=recipient,
        size=size,
        accessible=accessible,
        reserve_minutes=keep_minutes,
        expires_at=now + wait_for,
    )
    entry.save(force_insert=True)
    # A compartment may have become free since `assign` looked.
    transaction.on_commit(wake_queue, robust=True)
    return entry


def _check_limit(courier_id: int) -> None:
    """Raise `TooManyWaiting` if one more entry would be too many. Two calls at once wait for each other."""
    Courier.objects.select_for_update(no_key=True).get(pk=courier_id)
    most = settings.QUEUE_MOST_WAITING
    if QueueEntry.objects.waiting().filter(courier_id=courier_id).count() >= most:
        raise errors.TooManyWaiting(f"A courier may have {most:,} parcels in the queue.")
