"""The scheduled jobs: by the database's clock, and safe to run again."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from common.clock import database_now
from packages_app import operations, tasks
from packages_app.life.lifecycle import Status
from packages_app.models import IdempotencyKey, Package, QueueEntry
from tests.world import door, make_courier, make_location, make_package, make_recipient

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def test_expire(caplog: pytest.LogCaptureFixture) -> None:
    location, courier = make_location(), make_courier()
    now = database_now()
    due = make_package(courier, door(location, "S1"), expires_at=now)
    later = make_package(courier, door(location, "S2"), expires_at=now + timedelta(hours=1))
    with caplog.at_level(logging.INFO):
        assert tasks.expire() == 1
    assert "expired: 1" in caplog.text
    caplog.clear()
    assert tasks.expire() == 0
    assert not caplog.records
    assert Package.objects.get(pk=due.pk).status == Status.EXPIRED
    assert Package.objects.get(pk=later.pk).status == Status.STORED


def test_lapse_reservations() -> None:
    location, courier = make_location(), make_courier()
    now = database_now()
    due = make_package(courier, door(location, "S1"), Status.PENDING, reserved_until=now)
    later = make_package(
        courier, door(location, "S2"), Status.PENDING, reserved_until=now + timedelta(hours=1)
    )
    assert tasks.lapse_reservations() == 1
    assert tasks.lapse_reservations() == 0
    assert Package.objects.get(pk=due.pk).status == Status.CANCELLED
    assert Package.objects.get(pk=later.pk).status == Status.PENDING


def test_purge_idempotency_keys() -> None:
    courier, now = make_courier(), timezone.now()
    for key, age in (("old", timedelta(hours=72) + SECOND), ("young", timedelta(hours=71))):
        IdempotencyKey.objects.create(courier=courier, key=key, fingerprint=b"f", created_at=now - age)
    assert tasks.purge_idempotency_keys() == 1
    assert IdempotencyKey.objects.get().key == "young"


def test_grant_doors() -> None:
    """Who waits gets the door that is free; a second run has nothing to do."""
    location, courier = make_location(small=1, medium=0, large=0), make_courier()
    QueueEntry.objects.create(
        courier=courier,
        tracking_number="Q-1",
        location=location,
        recipient=make_recipient(),
        size=1,
        reserve_minutes=15,
        expires_at=timezone.now() + timedelta(hours=1),
    )
    assert tasks.grant_doors() == 1
    assert tasks.grant_doors() == 0
    assert QueueEntry.objects.get().status == "GRANTED"


def test_purge_queue() -> None:
    """Who waits is not forgotten, however long; nor is the package that a door was granted to."""
    location, courier = make_location(small=1, medium=0, large=0), make_courier()
    now, keep = timezone.now(), timedelta(days=90)
    package = make_package(courier, door(location, "S1"))
    for number, status, ended_at in (
        ("WAITS", "WAITING", None),
        ("LEFT", "LEFT", now - keep - SECOND),
        ("GRANTED", "GRANTED", now - keep - SECOND),
        ("EXPIRED", "EXPIRED", now - 2 * keep),
        ("YOUNG", "LEFT", now - keep + timedelta(hours=1)),
    ):
        QueueEntry.objects.create(
            courier=courier,
            tracking_number=number,
            location=location,
            recipient=make_recipient() if status == "WAITING" else None,
            size=1,
            status=status,
            reserve_minutes=15,
            created_at=now - 3 * keep,
            expires_at=now - 2 * keep,
            ended_at=ended_at,
            package=package if status == "GRANTED" else None,
        )
    assert operations.purge_queue_due(now=now, batch=2) == 3
    assert tasks.purge_queue() == 0
    assert {one.tracking_number for one in QueueEntry.objects.all()} == {"WAITS", "YOUNG"}
    assert Package.objects.get() == package


def test_purge_queue_as_a_job() -> None:
    old = timezone.now() - timedelta(days=91)
    QueueEntry.objects.create(
        courier=make_courier(),
        tracking_number="OLD",
        location=make_location(),
        size=1,
        status="EXPIRED",
        reserve_minutes=15,
        expires_at=old,
        ended_at=old,
    )
    assert tasks.purge_queue() == 1
    assert not QueueEntry.objects.exists()
