"""Several jobs at once do everything once: reminders, return lists, repairs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

from common.actor import Actor
from lockers import operations as service
from lockers.models import Compartment, CompartmentEvent, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.core import idempotency
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, IdempotencyKey, Package, QueueEntry
from tests.factories import UserFactory
from tests.races.together import after_the_hold, assert_sound, bring, kinds, together


def test_four_jobs_and_the_recipients(location: Location, courier: Courier) -> None:
    packages = [bring(courier, location, f"T{n}") for n in range(6)]
    Package.objects.update(updated_at=packages[0].created_at - timedelta(days=1))
    end = Package.objects.latest("expires_at").expires_at
    assert end is not None
    now = end - timedelta(hours=20)
    for hours, kind in ((20, "reminder"), (10, "reminder_last")):
        now = end - timedelta(hours=hours)
        results = together(*[partial(operations.remind_due, now=now, batch=2)] * 4)
        assert kinds(results) == {"ok": 4}
        operations.remind_due(now=now)  # what every job found locked
        told = Counter(Notification.objects.filter(kind=kind).values_list("subject", "channel"))
        assert told == {(f"package:{one.pk}", channel): 1 for one in packages for channel in ("email", "sms")}
    assert {one.status for one in Package.objects.all()} == {Status.STORED}
    assert_sound()


def test_four_jobs_and_the_return_lists(location: Location, courier: Courier) -> None:
    courier.return_list_email = "back@dpd.example.com"
    courier.save()
    bring(courier, location, "T1")
    operations.expire_due(now=after_the_hold())
    noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    for day in range(5):
        now = noon + timedelta(days=day)
        results = together(*[partial(operations.list_returns_due, now=now)] * 4)
        assert sorted(map(str, results)) == ["0", "0", "0", "1"]
    assert Notification.objects.filter(kind="return_list").count() == 5


def test_four_jobs_and_the_repairs(location: Location, courier: Courier) -> None:
    UserFactory.create(manages=[location])
    noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    doors = Compartment.objects.filter(location=location)
    for door in doors:
        service.take_out_of_service(
            compartments=doors,
            compartment_id=door.pk,
            by=Actor("staff:anna"),
            reason="paint",
            now=noon,
            repair_by=noon,
        )
    checked = list(doors[:6])
    for door in checked:
        service.confirm_repair(
            compartments=doors, compartment_id=door.pk, by=Actor("staff:anna"), now=noon - timedelta(hours=1)
        )
    results = together(*[partial(operations.finish_repairs_due, now=noon)] * 4)
    assert kinds(results) == {"ok": 4}
    operations.finish_repairs_due(now=noon)  # what every job found locked
    put_back = CompartmentEvent.objects.filter(kind="put_back").values_list("compartment", flat=True)
    assert sorted(put_back) == sorted(door.pk for door in checked)
    assert Notification.objects.filter(kind="repair_overdue").count() == 1
    assert doors.filter(out_of_service_at__isnull=True).count() == len(checked)


def test_four_purges(location: Location, courier: Courier) -> None:
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    IdempotencyKey.objects.bulk_create(
        IdempotencyKey(courier=courier, key=f"k{n}", fingerprint=b"f", created_at=now - timedelta(days=4))
        for n in range(200)
    )
    results = together(*[partial(idempotency.purge_due, now=now, batch=7)] * 4)
    assert kinds(results) == {"ok": 4}
    assert sum(n for n in results if isinstance(n, int)) + idempotency.purge_due(now=now) == 200


def test_four_purges_of_the_queue(location: Location, courier: Courier) -> None:
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    QueueEntry.objects.bulk_create(
        QueueEntry(
            courier=courier,
            tracking_number=f"T-{n}",
            location=location,
            size=1,
            status="LEFT",
            reserve_minutes=15,
            expires_at=now,
            ended_at=now - timedelta(days=91),
        )
        for n in range(200)
    )
    results = together(*[partial(operations.purge_queue_due, now=now, batch=7)] * 4)
    assert kinds(results) == {"ok": 4}
    assert sum(n for n in results if isinstance(n, int)) + operations.purge_queue_due(now=now) == 200
