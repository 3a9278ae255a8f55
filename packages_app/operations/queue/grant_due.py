"""Grant free compartments to the queue entries that wait for them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from common.operation import Step, Sweep
from lockers.models import Compartment
from packages_app.core.actor import SYSTEM
from packages_app.life.announcements import announce
from packages_app.life.lifecycle import Event, Status
from packages_app.models import EventType, Package, QueueEntry
from packages_app.rules import queueing

BATCH = 100
MOST_ENDED = 1000  # in one run; the next run is seconds away


@Sweep
def grant_due(*, now: datetime, location_id: int | None = None) -> int:
    """Reserve every free compartment that an entry waits for, for the first in line; return how many.

    At one location, or at all that are not suspended. Entries whose time is over end first, and so do those
    whose parcel has a compartment elsewhere. Each entry is a transaction of its own; two runs at once
    overtake nobody.
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
        if not done:  # another run has locked the compartments or the entries, and serves them
            break
    return granted


@Step
def _grant(*, entry_id: uuid.UUID, now: datetime) -> bool:
    entry = _lock(entry_id)
    if entry is None or entry.recipient is None:
        return False
    if entry.expires_at <= now or entry.location.suspended_at is not None or _has_compartment(entry):
        return False
    compartment = queueing.doors_of(entry).select_for_update(skip_locked=True, of=("self",)).first()
    if compartment is None:
        return False
    compartment.hold(Compartment.Occupancy.RESERVED)
    package = Package.objects.create(
        courier_id=entry.courier_id,
        tracking_number=entry.tracking_number,
        location=entry.location,
        compartment=compartment,
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
        compartment=compartment,
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


@Step
def _end(*, entry_id: uuid.UUID, now: datetime) -> None:
    """End an entry that can be granted nothing, and tell the courier if its time is over.

    A courier whose parcel has a compartment elsewhere knows that already.
    """
    entry = _lock(entry_id)
    if entry is None:
        return
    if _has_compartment(entry):
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


def _has_compartment(entry: QueueEntry) -> bool:
    return Package.objects.of_number(entry.courier_id, entry.tracking_number).exists()
