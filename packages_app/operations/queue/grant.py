"""Doors that have become free go to those who wait for them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from lockers.models import Compartment
from packages_app.core.actor import SYSTEM
from packages_app.core.operation import Operation
from packages_app.life.announcements import announce
from packages_app.life.lifecycle import Event, Status
from packages_app.models import EventType, Package, QueueEntry
from packages_app.rules import queueing

BATCH = 100
MOST_ENDED = 1000  # in one run; the next one is seconds away


def grant(*, now: datetime, location_id: int | None = None) -> int:
    """Every free door that somebody waits for becomes a reservation of the first in line; returns how many.

    At one location, or at all that are not suspended. Whose time is over leaves first, and so does whose
    parcel has a door elsewhere. Each in a transaction of its own: two runs at once share the work without
    overtaking anybody, a killed one loses nothing.
    """
    waiting = QueueEntry.objects.waiting()
    if location_id is not None:
        waiting = waiting.filter(location_id=location_id)
    elsewhere = Package.objects.of_number(OuterRef("courier_id"), OuterRef("tracking_number"))
    for over in (waiting.filter(expires_at__lte=now), waiting.filter(Exists(elsewhere))):
        for entry_id in list(over.values_list("pk", flat=True)[:MOST_ENDED]):
            _end(entry_id=entry_id, now=now)
    granted = 0
    while entry_ids := list(queueing.first_in_line(location_id).values_list("pk", flat=True)[:BATCH]):
        done = sum(_grant(entry_id=entry_id, now=now) for entry_id in entry_ids)
        granted += done
        if not done:  # others hold the doors or the entries at this moment, and will see to them
            break
    return granted


@Operation
def _grant(*, entry_id: uuid.UUID, now: datetime) -> bool:
    entry = _lock(entry_id)
    if entry is None or entry.recipient is None:
        return False
    if entry.expires_at <= now or entry.location.suspended_at is not None or _holds_a_door(entry):
        return False
    door = queueing.doors_of(entry).select_for_update(skip_locked=True, of=("self",)).first()
    if door is None:
        return False
    door.hold(Compartment.Occupancy.RESERVED)
    package = Package.objects.create(
        courier_id=entry.courier_id,
        tracking_number=entry.tracking_number,
        location=entry.location,
        compartment=door,
        recipient=entry.recipient,
        size=entry.size,
        accessible=entry.accessible,
        created_at=now,
        reserved_until=now + timedelta(minutes=entry.reserve_minutes),
        reports_opening=True,
    )
    line = package.events.create(
        event=Event.ASSIGNED,
        to_status=Status.PENDING,
        by=SYSTEM.name,
        reason="was first in the queue",
        compartment=door,
    )
    entry.end(QueueEntry.Status.GRANTED, package=package)
    announce(
        courier_id=entry.courier_id,
        event_type=EventType.PACKAGE_QUEUED_DOOR,
        subject=f"package:{package.pk}",
        cause=f"event:{line.pk}",
        event=Event.ASSIGNED,
        facts={"queue_id": str(entry.pk)},
    )
    return True


@Operation
def _end(*, entry_id: uuid.UUID, now: datetime) -> None:
    """Who has a door elsewhere knows it; who waited in vain is told."""
    entry = _lock(entry_id)
    if entry is None:
        return
    if _holds_a_door(entry):
        entry.end(QueueEntry.Status.LEFT)
    elif entry.expires_at <= now:
        entry.end(QueueEntry.Status.EXPIRED)
        announce(
            courier_id=entry.courier_id,
            event_type=EventType.QUEUE_EXPIRED,
            subject=f"queue:{entry.pk}",
            cause=f"queue:{entry.pk}",
            facts={
                "queue_id": str(entry.pk),
                "tracking_number": entry.tracking_number,
                "location": entry.location.code,
                "status": str(entry.status),
            },
        )


def _lock(entry_id: uuid.UUID) -> QueueEntry | None:
    entries = QueueEntry.objects.waiting().select_related("location", "recipient")
    return entries.select_for_update(skip_locked=True, of=("self",), no_key=True).filter(pk=entry_id).first()


def _holds_a_door(entry: QueueEntry) -> bool:
    return Package.objects.of_number(entry.courier_id, entry.tracking_number).exists()
