"""An honest history: every operation, once or more."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from django.utils import timezone

from common.actor import Actor
from common.clock import database_now
from lockers import operations as service
from lockers.models import Compartment, Location, Size
from packages_app import operations
from packages_app.core.actor import SYSTEM
from packages_app.models import Delegate, Package, QueueEntry, Recipient
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.operations.packages.reassign import Reason
from packages_app.operations.packages.record_found import Outcome
from tests import world

World = SimpleNamespace


def live() -> World:
    """Every operation, once or more, through the operations themselves."""
    now = database_now()
    place = world.make_location(small=8, medium=6, large=2)
    full = world.make_location("FULL-1", small=1, medium=0, large=0)
    courier = world.make_courier()
    by, kiosk = world.actor(courier), world.caller(world.make_kiosk(place))
    hook = world.make_webhook(courier, opened_at=now - timedelta(hours=1))

    def bring(number: str, *, deposited: bool = True) -> Package:
        recipient = Recipient(name="Mari", email="mari@example.com", phone="+3725551234")
        result = operations.assign(
            by=by,
            now=now,
            location=place.code,
            tracking_number=number,
            size=Size.SMALL,
            recipient=recipient,
            deposited=deposited,
        )
        return Package.objects.get(pk=result.package.pk)

    stored, pending = bring("STORED"), bring("PENDING", deposited=False)
    collected = bring("COLLECTED")
    operations.pick_up(by=kiosk.actor, now=now, typed=TypedCode(code=world.code_of(collected)))
    operations.reassign(package_id=stored.pk, by=by, now=now, reason=Reason.DOOR_STUCK)
    operations.resend_code(package_id=stored.pk, by=by, now=now)
    lapsed = bring("LAPSED", deposited=False)
    Package.objects.filter(pk=lapsed.pk).update(reserved_until=now - timedelta(seconds=5))
    assert operations.lapse_due(now=now) == 1
    expired, returned, extended = bring("EXPIRED"), bring("RETURNED"), bring("EXTENDED")
    overdue = Package.objects.filter(pk__in=[expired.pk, returned.pk, extended.pk])
    overdue.update(expires_at=now - timedelta(seconds=5))
    assert operations.expire_due(now=now) == 3
    operations.return_to_courier(package_id=returned.pk, by=by, now=now)
    operations.extend(package_id=extended.pk, by=by, now=now, hours=24)
    cancelled, confirmed = bring("CANCELLED"), bring("CONFIRMED", deposited=False)
    operations.cancel(package_id=cancelled.pk, by=by, now=now)
    operations.deposit(package_id=confirmed.pk, by=by, now=now)
    dropped = bring("DROPPED", deposited=False)
    operations.cancel(package_id=dropped.pk, by=by, now=now)
    service.confirm_empty(
        compartments=Compartment.objects.all(),
        compartment_id=dropped.compartment_id,
        by=Actor("manager:a"),
        now=timezone.now(),
    )
    held, released = bring("HELD"), bring("RELEASED")
    for package in (held, released):
        operations.put_on_hold(package_id=package.pk, by=by, now=now)
    operations.release_hold(package_id=released.pk, by=by, now=now)
    operations.pick_up(by=kiosk.actor, now=now, typed=TypedCode(code=world.code_of(released)))
    delegated, fetched, removed = bring("DELEGATED"), bring("FETCHED"), bring("REMOVED")
    for package in (delegated, fetched, removed):
        for name in ("Juhan", "Jaan"):
            delegate = Delegate(name=name, phone="+3725559876")
            operations.name_delegate(package_id=package.pk, by=by, now=now, delegate=delegate)
        operations.resend_delegate_code(package_id=package.pk, by=by, now=now)
    operations.pick_up(by=kiosk.actor, now=now, typed=TypedCode(code=world.delegate_code_of(fetched)))
    operations.remove_delegate(package_id=removed.pk, by=by, now=now)
    bring("NEXT")
    places = Location.objects.all()
    for hours in (1, 3):
        at = now + timedelta(hours=hours)
        operations.suspend_location(locations=places, location_id=place.pk, by=SYSTEM, now=at, reason="storm")
        operations.resume_location(
            locations=places, location_id=place.pk, by=SYSTEM, now=at + timedelta(hours=1)
        )
    found = bring("FOUND", deposited=False)
    operations.open_door(package_id=found.pk, by=by, now=now)
    operations.cancel(package_id=found.pk, by=by, now=now)
    operations.record_found(package_id=found.pk, by=by, now=now, outcome=Outcome.STAYS)
    for number in ("QUEUE-0", "QUEUE-1", "QUEUE-2", "QUEUE-3", "QUEUE-4"):
        operations.assign_or_wait(
            by=by,
            now=now,
            location=full.code,
            tracking_number=number,
            size=Size.SMALL,
            recipient=Recipient(name="Mari", email="mari@example.com"),
            deposited=False,
            opened=False,
            wait_for=timedelta(hours=1 if number == "QUEUE-2" else 5),
        )
    waiting = {entry.tracking_number: entry for entry in QueueEntry.objects.waiting()}
    operations.leave_queue(entry_id=waiting["QUEUE-3"].pk, by=by, now=now)
    operations.cancel(package_id=Package.objects.get(tracking_number="QUEUE-0").pk, by=by, now=now)
    assert operations.grant_due(now=now) == 1
    assert operations.grant_due(now=now + timedelta(hours=2)) == 0
    return World(
        now=now, place=place, stored=stored, pending=pending, collected=collected, expired=expired,
        returned=returned, cancelled=cancelled, released=released, delegated=delegated, by=by, hook=hook,
    )  # fmt: skip
