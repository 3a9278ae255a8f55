"""A courier brings a package; where no door is free, it waits for one."""

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
    """As `assign`; at a full location it waits in the queue for `wait_for`, first come, first served.

    A door that is granted to it is kept for `keep_minutes`. Raises as `assign` does; `LocationFull` only
    where no door of the location would fit, and `DuplicateTrackingNumber` also for what waits already.
    Raises `TooManyWaiting` where `QUEUE_MOST_WAITING` of the courier's parcels wait.
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
        place = full.location
    if not queueing.can_ever_fit(place.pk, size=size, strategy=place.strategy, accessible=accessible):
        raise errors.LocationFull(location=place, size=size, accessible=accessible)
    _count_in(by.courier_id)
    recipient.save(force_insert=True)
    entry = QueueEntry(
        courier_id=by.courier_id,
        tracking_number=tracking_number,
        location=place,
        recipient=recipient,
        size=size,
        accessible=accessible,
        reserve_minutes=keep_minutes,
        expires_at=now + wait_for,
    )
    entry.save(force_insert=True)
    # A door may have become free since it was looked for.
    transaction.on_commit(wake_queue, robust=True)
    return entry


def _count_in(courier_id: int) -> None:
    """Raises `TooManyWaiting` where one more would be too many. Two at once wait for each other."""
    Courier.objects.select_for_update(no_key=True).get(pk=courier_id)
    most = settings.QUEUE_MOST_WAITING
    if QueueEntry.objects.waiting().filter(courier_id=courier_id).count() >= most:
        raise errors.TooManyWaiting(f"Of one courier {most:,} parcels may wait for doors.")
