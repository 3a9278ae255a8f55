"""The expiry of many packages in one statement does, row for row, what `move_to` does for each.

Both run on the same rows, each in a savepoint that is rolled back, and every table is compared afterwards.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.sql import fetch
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package
from packages_app.sql import expiry
from tests.packages_app.alike import announced, assert_alike
from tests.world import (
    NOW,
    UNTIL,
    door,
    make_courier,
    make_delegate,
    make_location,
    make_package,
    make_recipient,
    make_webhook,
)

pytestmark = pytest.mark.django_db


def expire_in_one_statement() -> int:
    """As `operations.expire` does it."""
    found = fetch(expiry.EXPIRE, {"now": UNTIL, "batch": 10, "by": "system"})
    return int(found[0].expired)


def expire_readably() -> int:
    """The same, package by package."""
    due = Package.objects.filter(status=Status.STORED, expires_at__lte=UNTIL).order_by("expires_at")
    for package in due:
        package.move_to(Status.EXPIRED, event=Event.EXPIRED, by="system")
    return len(due)


def test_expire() -> None:
    location, courier = make_location(), make_courier()
    hour = timedelta(hours=1)
    make_package(courier, door(location, "S1"), expires_at=UNTIL - hour)
    make_package(courier, door(location, "S2"), expires_at=UNTIL, recipient=make_recipient(phone=""))
    only = make_recipient(only_channel="sms")
    make_package(courier, door(location, "L2"), expires_at=UNTIL, recipient=only)
    make_package(courier, door(location, "M1"), expires_at=UNTIL + hour)
    make_package(courier, door(location, "M2"), Status.PENDING)
    make_package(courier, door(location, "L1"), Status.EXPIRED)

    result, tables = assert_alike(expire_in_one_statement, expire_readably)
    assert result == 3
    assert len(tables["packages_app_packageevent"]) == 3
    assert len(tables["notifications_notification"]) == 4


def test_expire_tells_a_delegate_too() -> None:
    location, courier = make_location(), make_courier()
    make_delegate(make_package(courier, door(location, "S1"), expires_at=UNTIL), phone="")
    withdrawn = make_delegate(make_package(courier, door(location, "S2"), expires_at=UNTIL))
    withdrawn.withdraw(now=NOW)
    _, tables = assert_alike(expire_in_one_statement, expire_readably)
    rows = tables["notifications_notification"]
    assert sorted((row["kind"], row["channel"]) for row in rows) == [
        ("delegate_ended", "email"),
        *[("expired", "email")] * 2,
        *[("expired", "sms")] * 2,
    ]


def test_expire_announces_each_package_to_its_own_courier() -> None:
    location, courier, other = make_location(), make_courier(), make_courier("gls")
    mine = make_package(courier, door(location, "S1"), expires_at=UNTIL)
    theirs = make_package(other, door(location, "S2"), expires_at=UNTIL)
    make_package(make_courier("omniva"), door(location, "M1"), expires_at=UNTIL)
    endpoints = {make_webhook(courier).destination_id: mine, make_webhook(other).destination_id: theirs}
    _, tables = assert_alike(expire_in_one_statement, expire_readably)
    rows = announced(tables)
    assert {row["subject"]: row["queue"] for row in rows} == {
        destination: f"package:{package.pk}" for destination, package in endpoints.items()
    }
    assert {row["context"]["package"]["compartment_id"] for row in rows} == {
        mine.compartment_id,
        theirs.compartment_id,
    }
    assert {row["kind"] for row in rows} == {"package.expired"}
