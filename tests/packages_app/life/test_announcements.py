"""Events for couriers' endpoints: who is told what, in the transaction of the thing itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from common.wakeup import nudge_webhooks
from notifications.models import Notification
from packages_app import operations
from packages_app.life import announcements, lifecycle
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Courier, EventType, PackageEvent
from tests.world import (
    NOW,
    actor,
    door,
    make_courier,
    make_location,
    make_package,
    make_webhook,
)

pytestmark = pytest.mark.django_db


def announced(courier: Courier) -> list[Notification]:
    """What waits for the courier's endpoints, oldest first."""
    subjects = courier.webhooks.values_list("destination_id", flat=True)
    return list(Notification.objects.filter(subject__in=subjects).order_by("id"))


def test_every_change_of_status_is_announced_and_nothing_else() -> None:
    assert set(lifecycle.ANNOUNCED.values()) < set(EventType.values)
    assert lifecycle.ANNOUNCED[Event.DOOR_FAILED, "RETRIEVED"] == "package.stored"
    assert lifecycle.ANNOUNCED[Event.EXTENDED, "EXPIRED"] == "package.stored"
    assert ("extended", "STORED") not in lifecycle.ANNOUNCED
    assert ("assigned", "") not in lifecycle.ANNOUNCED


def test_an_operation_announces_in_its_transaction() -> None:
    location, courier = make_location(), make_courier()
    endpoint = make_webhook(courier)
    package = make_package(courier, door(location, "S1"), Status.PENDING)

    operations.deposit.work(package_id=package.pk, by=actor(courier), now=NOW)
    operations.cancel.work(package_id=package.pk, by=actor(courier), now=NOW, reason="lost")

    stored, cancelled = announced(courier)
    lines = list(PackageEvent.objects.order_by("id"))
    assert [row.kind for row in (stored, cancelled)] == ["package.stored", "package.cancelled"]
    for row, line in zip((stored, cancelled), lines, strict=True):
        assert (row.channel, row.subject, row.queue) == (
            "webhook",
            endpoint.destination_id,
            f"package:{package.pk}",
        )
        assert row.dedup_key == f"{endpoint.destination_id}:event:{line.pk}"
        assert datetime.fromisoformat(row.context["at"]) == line.at
    assert stored.context["package"]["status"] == "STORED"
    assert cancelled.context["package"]["status"] == "CANCELLED"
    assert cancelled.context["package"]["compartment_id"] == package.compartment_id


def test_what_does_not_change_the_status_is_not_announced() -> None:
    location, courier = make_location(), make_courier()
    make_webhook(courier)
    package = make_package(courier, door(location, "S1"))
    operations.extend.work(package_id=package.pk, by=actor(courier), now=NOW, hours=1)
    operations.resend_code.work(package_id=package.pk, by=actor(courier), now=NOW)
    assert announced(courier) == []


def test_what_is_rolled_back_was_not_announced() -> None:
    location, courier = make_location(), make_courier()
    make_webhook(courier)
    package = make_package(courier, door(location, "S1"))
    with transaction.atomic():
        operations.cancel.work(package_id=package.pk, by=actor(courier), now=NOW)
        assert len(announced(courier)) == 1
        transaction.set_rollback(True)
    assert announced(courier) == []


def announce(courier: Courier, package: Any, cause: str = "reminder:1") -> None:
    announcements.announce(
        courier_id=courier.pk,
        event_type=EventType.PACKAGE_REMINDER_SENT,
        subject=f"package:{package.pk}",
        cause=cause,
        facts={"hours_left": 12},
    )


def test_a_cause_is_told_once_to_each_endpoint() -> None:
    location, courier = make_location(), make_courier()
    make_webhook(courier)
    make_webhook(courier)
    make_webhook(courier, events=["package.stored"])
    package = make_package(courier, door(location, "S1"))
    announce(courier, package)
    announce(courier, package)
    assert len(announced(courier)) == 2
    announce(courier, package, "reminder:2")
    assert len(announced(courier)) == 4
    row = announced(courier)[0]
    assert row.context["data"] == {"hours_left": 12}
    assert row.context["package"]["expires_at"] == "2026-11-23T12:00:00+00:00"


def test_another_couriers_package_is_told_to_nobody() -> None:
    location, courier, other = make_location(), make_courier(), make_courier("gls")
    make_webhook(courier)
    make_webhook(other)
    announce(other, make_package(courier, door(location, "S1")))
    assert announced(courier) == announced(other) == []


def test_delivery_to_endpoints_is_woken_only_when_there_is_one(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    location, courier = make_location(), make_courier()
    package = make_package(courier, door(location, "S1"))
    with django_capture_on_commit_callbacks() as callbacks:
        announce(courier, package)
    assert callbacks == []
    make_webhook(courier)
    with django_capture_on_commit_callbacks() as callbacks:
        announce(courier, package)
    assert callbacks == [nudge_webhooks]


def test_a_location_matters_to_who_has_packages_there_or_had_lately() -> None:
    location, elsewhere = make_location(), make_location("RIX-1")
    couriers = {code: make_courier(code) for code in ("holds", "lately", "long-ago", "elsewhere", "never")}
    for courier in couriers.values():
        make_webhook(courier)
    month = announcements.USED_WITHIN
    hour = timedelta(hours=1)
    make_package(couriers["holds"], door(location, "S1"), Status.EXPIRED, created_at=NOW - 2 * month)
    make_package(couriers["lately"], door(location, "S2"), Status.RETRIEVED, created_at=NOW - month + hour)
    make_package(couriers["long-ago"], door(location, "M1"), Status.RETRIEVED, created_at=NOW - month - hour)
    make_package(couriers["elsewhere"], door(elsewhere, "S1"))

    location.suspend(reason="water", now=NOW)
    announcements.announce_location(location, EventType.LOCATION_SUSPENDED, now=NOW)
    location.resume()
    announcements.announce_location(location, EventType.LOCATION_RESUMED, now=NOW + hour)

    told = {code: [row.kind for row in announced(courier)] for code, courier in couriers.items()}
    both = ["location.suspended", "location.resumed"]
    assert told == {"holds": both, "lately": both, "long-ago": [], "elsewhere": [], "never": []}
    row = announced(couriers["holds"])[0]
    assert row.queue == f"location:{location.pk}"
    assert row.context["data"] == {"location": "TLL-1", "name": "Place TLL-1", "suspended": True}
