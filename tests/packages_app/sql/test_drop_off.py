"""The drop-off in one statement does, row for row, what the same steps do in the readable ORM.

Both run on the same rows, each in a savepoint that is rolled back, and every table is compared afterwards.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import transaction

from common.sql import fetch
from lockers import allocation
from lockers.models import Compartment, Location
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Courier, IdempotencyKey, Package, Recipient
from packages_app.rules import queueing
from packages_app.secrets import pickup_codes
from packages_app.sql import drop_off
from tests.packages_app.alike import announced, assert_alike, effect
from tests.world import (
    NOW,
    UNTIL,
    door,
    make_courier,
    make_location,
    make_package,
    make_webhook,
)

pytestmark = pytest.mark.django_db

PACKAGE_ID = uuid.UUID("0b4f1a52-6f0e-4d43-8a51-0c9f3f5d7e21")


@dataclass(frozen=True)
class DropOff:
    """A parcel, as a courier brings it."""

    courier: Courier
    location: Location
    size: int = 1
    accessible: bool = False
    deposited: bool = True
    opened: bool | None = None
    email: str = "mari@example.com"
    phone: str = "+3725551234"
    only_channel: str = ""
    tracking_number: str = "T-1"
    announces: bool = True
    keeps: bool = False
    waits_until: datetime | None = None

    @property
    def code(self) -> pickup_codes.Issued:
        return pickup_codes.issue(PACKAGE_ID, self.location.pk)

    def in_one_statement(self) -> tuple[Any, ...]:
        """As `operations.assign` does it."""
        row = self.row()
        return (row.duplicate_id, row.id, row.label, row.size, row.locker)

    def row(self) -> Any:
        """What the statement gives."""
        code = self.code if self.deposited else pickup_codes.Issued(1, 1, b"")
        [row] = fetch(
            drop_off.assign(
                self.location.strategy,
                accessible=self.accessible,
                among=queueing.unclaimed,
                announces=self.announces,
                keeps=self.keeps,
            ),
            {
                "package_id": PACKAGE_ID,
                "courier_id": self.courier.pk,
                "tracking_number": self.tracking_number,
                "location_id": self.location.pk,
                "size": self.size,
                "accessible": self.accessible,
                "status": "STORED" if self.deposited else "PENDING",
                "now": NOW,
                "reserved_until": None if self.deposited else UNTIL,
                "reports_opening": self.opened is not None,
                "opened_at": NOW if self.opened else None,
                "stored_at": NOW if self.deposited else None,
                "expires_at": UNTIL if self.deposited else None,
                "code_version": code.version,
                "code_secret": code.secret_id,
                "code_mac": code.mac or None,
                "occupancy": "occupied" if self.deposited else "reserved",
                "deposited": self.deposited,
                "name": "Mari",
                "email": self.email,
                "phone": self.phone,
                "language": "et",
                "only_channel": self.only_channel,
                "by": "courier:dpd",
                "waits_until": self.waits_until,
                "key": "k-1",
                "fingerprint": b"f" * 32,
                "answer": json.dumps(ANSWER),
            },
        )
        return row

    def readably(self) -> tuple[Any, ...]:
        """The same, step by step."""
        held = Package.objects.in_door().filter(courier=self.courier, tracking_number=self.tracking_number)
        if held.exists():
            return (held.get().pk, None, None, None, None)
        compartment = allocation.claim(
            self.location.pk,
            size=self.size,
            strategy=self.location.strategy,
            accessible=self.accessible,
            occupancy=Compartment.Occupancy.OCCUPIED if self.deposited else Compartment.Occupancy.RESERVED,
        )
        if compartment is None:
            return (None, None, None, None, None)
        recipient = Recipient.objects.create(
            name="Mari",
            email=self.email,
            phone=self.phone,
            language="et",
            only_channel=self.only_channel,
        )
        package = Package.objects.create(
            id=PACKAGE_ID,
            courier=self.courier,
            tracking_number=self.tracking_number,
            location=self.location,
            compartment=compartment,
            recipient=recipient,
            size=self.size,
            accessible=self.accessible,
            created_at=NOW,
            reserved_until=UNTIL,
            reports_opening=self.opened is not None,
        )
        package.events.create(
            event=Event.ASSIGNED, to_status=Status.PENDING, by="courier:dpd", compartment=compartment
        )
        if self.opened:
            package.move_to(Status.PENDING, event=Event.OPENED, by="courier:dpd", opened_at=NOW)
        if self.deposited:
            package.move_to(
                Status.STORED,
                event=Event.DEPOSITED,
                by="courier:dpd",
                reserved_until=None,
                stored_at=NOW,
                expires_at=UNTIL,
                code_version=self.code.version,
                code_secret=self.code.secret_id,
                code_mac=self.code.mac,
            )
        return (None, compartment.pk, compartment.label, compartment.size, compartment.locker.name)


@pytest.mark.parametrize(
    ("strategy", "accessible", "deposited", "size"),
    list(product(["best_fit", "first_available"], [False, True], [False, True], [1, 2, 3])),
)
def test_assign(strategy: str, accessible: bool, deposited: bool, size: int) -> None:
    location = make_location(strategy=strategy)
    Compartment.objects.filter(label__in=["S2", "M2"]).update(accessible=True)
    Compartment.objects.filter(label="S1").update(occupancy="unverified")
    Compartment.objects.filter(label="M1").update(out_of_service_at=NOW, out_of_service_reason="broken")
    drop = DropOff(make_courier(), location, size=size, accessible=accessible, deposited=deposited)
    result, tables = assert_alike(drop.in_one_statement, drop.readably)
    expected = {1: "S2", 2: "M2", 3: None if accessible else "L1"}[size]
    assert result[2] == expected
    assert len(tables["packages_app_package"]) == (1 if expected else 0)
    assert len(tables["packages_app_packageevent"]) == (0 if not expected else 2 if deposited else 1)
    assert len(tables["notifications_notification"]) == (2 if expected and deposited else 0)


@pytest.mark.parametrize("opened", [None, False, True])
def test_assign_with_what_is_said_of_the_door(opened: bool | None) -> None:
    drop = DropOff(make_courier(), make_location(), deposited=False, opened=opened)
    _, tables = assert_alike(drop.in_one_statement, drop.readably)
    events = [line["event"] for line in tables["packages_app_packageevent"]]
    assert events == (["assigned", "opened"] if opened else ["assigned"])


@pytest.mark.parametrize(("email", "phone"), [("", ""), ("mari@example.com", ""), ("", "+3725551234")])
def test_assign_tells_by_what_there_is(email: str, phone: str) -> None:
    drop = DropOff(make_courier(), make_location(), email=email, phone=phone)
    _, tables = assert_alike(drop.in_one_statement, drop.readably)
    assert len(tables["notifications_notification"]) == bool(email) + bool(phone)


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_assign_tells_by_one_channel_only(channel: str) -> None:
    drop = DropOff(make_courier(), make_location(), only_channel=channel)
    _, tables = assert_alike(drop.in_one_statement, drop.readably)
    assert [row["only_channel"] for row in tables["packages_app_recipient"]] == [channel]
    assert [row["channel"] for row in tables["notifications_notification"]] == [channel]


@pytest.mark.parametrize("strategy", ["best_fit", "first_available"])
def test_assign_at_a_full_location(strategy: str) -> None:
    location = make_location(strategy=strategy)
    Compartment.objects.update(occupancy="occupied")
    drop = DropOff(make_courier(), location)
    result, tables = assert_alike(drop.in_one_statement, drop.readably)
    assert result == (None, None, None, None, None)
    assert not tables["packages_app_recipient"]


def test_assign_of_what_holds_a_door_already() -> None:
    location, courier = make_location(), make_courier()
    held = make_package(courier, door(location, "L1"), tracking_number="T-1")
    make_package(make_courier("gls"), door(location, "L2"), tracking_number="T-2")
    result, tables = assert_alike(
        DropOff(courier, location).in_one_statement, DropOff(courier, location).readably
    )
    assert result == (held.pk, None, None, None, None)
    assert len(tables["packages_app_package"]) == 2


def test_assign_of_what_left_its_door() -> None:
    location, courier = make_location(), make_courier()
    make_package(courier, door(location, "S1"), Status.RETRIEVED, tracking_number="T-1")
    drop = DropOff(courier, location)
    result, _ = assert_alike(drop.in_one_statement, drop.readably)
    assert result[2] == "S1"


ANSWER: dict[str, Any] = {"body": {"a": '"compartment": null \\\'', "compartment": None}, "c": [1]}


def test_assign_keeps_the_answer_with_the_door() -> None:
    drop = replace(DropOff(make_courier(), make_location()), keeps=True)
    result, tables = effect(drop.in_one_statement)
    [row] = tables["packages_app_idempotencykey"]
    assert (row["courier_id"], row["key"], row["status"]) == (drop.courier.pk, "k-1", 201)
    kept = json.loads(row["body"])
    assert kept == {"answer": ANSWER, "compartment": [result[1], "A", "S1", 1]}
    without = {name: rows for name, rows in tables.items() if name != "packages_app_idempotencykey"}
    _, expected = effect(drop.readably)
    del expected["packages_app_idempotencykey"]
    assert without == expected


@pytest.mark.parametrize(
    ("small", "taken", "late", "outcome"),
    [
        (1, True, False, (True, False)),
        (1, True, True, (False, True)),
        (1, False, True, (False, True)),
        (0, True, False, (False, False)),
        (0, False, True, (False, False)),
    ],
)
def test_assign_does_nothing_under_a_taken_key_or_when_nobody_waits_any_more(
    small: int, taken: bool, late: bool, outcome: tuple[bool, bool]
) -> None:
    courier = make_courier()
    if taken:
        IdempotencyKey.objects.create(courier=courier, key="k-1", fingerprint=b"x" * 32, status=201)
    location = make_location(small=small, medium=0, large=0)
    until = NOW - timedelta(days=9999) if late else None
    drop = replace(DropOff(courier, location), keeps=True, waits_until=until)
    row, tables = effect(drop.row)
    assert (row.taken, row.late) == outcome
    assert row.id is None
    assert (effect(lambda: None))[1] == tables


@pytest.mark.parametrize("deposited", [False, True])
def test_assign_announces_a_stored_package_to_the_couriers_own_open_endpoints(deposited: bool) -> None:
    courier = make_courier()
    endpoints = [make_webhook(courier), make_webhook(courier, events=["package.stored"])]
    make_webhook(courier, events=["package.retrieved", "package.expired"])
    make_webhook(courier, closed_at=NOW, closed_reason="HTTP 410")
    make_webhook(make_courier("gls"))
    drop = DropOff(courier, make_location(), deposited=deposited)
    _, tables = assert_alike(drop.in_one_statement, drop.readably)
    rows = announced(tables)
    assert {row["subject"] for row in rows} == (
        {endpoint.destination_id for endpoint in endpoints} if deposited else set()
    )
    for row in rows:
        assert (row["kind"], row["queue"]) == ("package.stored", f"package:{PACKAGE_ID}")
        assert row["context"]["event"] == "deposited"
        assert row["context"]["package"]["status"] == "STORED"
        assert row["dedup_key"] == f"{row['subject']}:event:2"


@pytest.mark.parametrize("deposited", [False, True])
def test_assign_without_endpoints_has_a_statement_of_its_own_that_does_the_same(deposited: bool) -> None:
    drop = DropOff(make_courier(), make_location(), deposited=deposited)
    assert_alike(replace(drop, announces=False).in_one_statement, drop.readably)


@pytest.mark.parametrize("announces", [False, True])
def test_only_a_statement_for_endpoints_knows_of_any(announces: bool) -> None:
    """The other is a fifth faster for it."""
    with transaction.atomic():
        statement = drop_off.assign(
            "best_fit", accessible=False, among=queueing.unclaimed, announces=announces
        )
    assert ("packages_app_webhook" in statement) == announces
