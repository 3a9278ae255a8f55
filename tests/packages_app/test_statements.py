"""The hot statements do, row for row, what the same steps do in the readable ORM.

Both run on the same rows, each in a savepoint that is rolled back, and every table is compared afterwards.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection, transaction

from lockers import allocation
from lockers.models import Compartment, Location
from lockers.sql import fetch
from packages_app import codes, statements
from packages_app.lifecycle import Event, Status
from packages_app.models import Courier, Package, Recipient
from tests.world import (
    NOW,
    UNTIL,
    code_of,
    door,
    make_courier,
    make_delegate,
    make_location,
    make_package,
    make_recipient,
    make_webhook,
)

pytestmark = pytest.mark.django_db

TABLES = {
    "packages_app_package": "id",
    "packages_app_recipient": "id",
    "packages_app_delegate": "id",
    # Not by id alone: the planner chooses in which order one statement writes lines of several packages.
    "packages_app_packageevent": "package_id, id",
    "lockers_compartment": "id",
    "lockers_compartmentevent": "id",
    "lockers_kiosk": "id",
    "packages_app_wrongcodetally": "location_id",
    "packages_app_idempotencykey": "key",
    "notifications_notification": "subject, channel, kind, id",
}
# Written by the database's clock.
CLOCK = {"at", "updated_at", "next_attempt_at"}
PACKAGE_ID = uuid.UUID("0b4f1a52-6f0e-4d43-8a51-0c9f3f5d7e21")


class RolledBack(Exception):
    """Ends a savepoint."""


def effect(work: Callable[[], Any]) -> tuple[Any, dict[str, list[dict[str, Any]]]]:
    """What `work` returns, and every table after it; then all is as it was."""
    try:
        with transaction.atomic():
            result = work()
            tables = {table: rows(table, order) for table, order in TABLES.items()}
            raise RolledBack
    except RolledBack:
        return result, numbered(tables)


def rows(table: str, order: str) -> list[dict[str, Any]]:
    """All rows but for what the clock writes."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY {order}")
        names = [column.name for column in cursor.description]
        return [
            {name: value for name, value in zip(names, row, strict=True) if name not in CLOCK}
            for row in cursor.fetchall()
        ]


def numbered(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Ids that a sequence gave stand as 1, 2, …: a sequence is not rolled back."""
    recipients = {row["id"]: n for n, row in enumerate(tables["packages_app_recipient"], 1)}
    lines = {row["id"]: n for n, row in enumerate(tables["packages_app_packageevent"], 1)}
    for row in tables["packages_app_package"]:
        row["recipient_id"] = recipients[row["recipient_id"]]
    for message in tables["notifications_notification"]:
        del message["id"], message["created_at"]
        message["dedup_key"] = re.sub(
            r"(?<=event:|ended:)\d+", lambda found: str(lines[int(found[0])]), message["dedup_key"]
        )
        message["context"] = json.loads(message["context"])
        assert ("at" in message["context"]) == (message["channel"] == "webhook")
        message["context"].pop("at", None)
    for table in ("packages_app_recipient", "packages_app_packageevent"):
        for number, row in enumerate(tables[table], 1):
            row["id"] = number
    return tables


# --- Drop-off --------------------------------------------------------------------------------------------


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

    @property
    def code(self) -> codes.Issued:
        return codes.issue(PACKAGE_ID, self.location.pk)

    def in_one_statement(self) -> tuple[Any, ...]:
        """As `operations.assign` does it."""
        code = self.code if self.deposited else codes.Issued(1, 1, b"")
        addresses = {"email": self.email, "sms": self.phone}
        channels = [name for name in addresses if addresses[name] and self.only_channel in ("", name)]
        row = fetch(
            statements.assign(self.location.strategy, accessible=self.accessible, announces=self.announces),
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
                "channels": channels,
                "name": "Mari",
                "email": self.email,
                "phone": self.phone,
                "language": "et",
                "only_channel": self.only_channel,
                "by": "courier:dpd",
            },
        )[0]
        return (row.duplicate_id, row.id, row.label, row.size, row.locker)

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


def assert_alike(one: Callable[[], Any], other: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """Both return and write the same."""
    result, tables = effect(one)
    assert (result, tables) == effect(other)
    return result, tables


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


# --- Pickup ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PickUp:
    """A code, as a kiosk sends it."""

    location: Location
    code: str
    now: datetime = NOW
    compartment_id: int | None = None
    phone_last4: str | None = None
    receipt: bytes | None = None
    announces: bool = True

    @property
    def by_delegate(self) -> bool:
        """Nine digits."""
        return len(self.code) == 9

    def in_one_statement(self) -> list[tuple[Any, ...]]:
        """As `operations.pick_up` does it."""
        found = fetch(
            statements.pick_up(by_delegate=self.by_delegate, announces=self.announces),
            {
                "location_id": self.location.pk,
                "macs": codes.macs(self.location.pk, self.code),
                "compartment_id": self.compartment_id,
                "phone_last4": self.phone_last4,
                "receipt": self.receipt,
                "now": self.now,
                "by": "kiosk:x",
            },
        )
        return [(row.package_id, row.id, row.label, row.size, row.locker) for row in found]

    def readably(self) -> list[tuple[Any, ...]]:
        """The same, step by step."""
        macs, phone = codes.macs(self.location.pk, self.code), "recipient__phone"
        packages = Package.objects.filter(location=self.location)
        if self.by_delegate:
            phone = "delegates__phone"
            packages = packages.filter(delegates__code_mac__in=macs, code_mac__isnull=False)
        else:
            packages = packages.filter(code_mac__in=macs)
        if self.compartment_id is not None:
            packages = packages.filter(compartment_id=self.compartment_id)
        if self.phone_last4 is not None:
            packages = packages.filter(**{f"{phone}__endswith": self.phone_last4})
        found = packages.first()
        if found is None:
            return []
        package = Package.objects.lock(found.pk)
        assert package.expires_at is not None
        if package.status != Status.STORED or package.expires_at <= self.now or package.held_at:
            return [(package.pk, None, None, None, None)]
        package.move_to(
            Status.RETRIEVED,
            event=Event.RETRIEVED,
            by="kiosk:x",
            retrieved_at=self.now,
            released_at=self.now,
            code_mac=None,
            pickup_receipt=self.receipt,
            collected_by_delegate=self.by_delegate,
            reason="with the delegate's code" if self.by_delegate else "",
        )
        compartment = Compartment.objects.lock(package.compartment_id)
        compartment.release()
        return [(package.pk, compartment.pk, compartment.label, compartment.size, compartment.locker.name)]


PICKUPS: list[tuple[Status, dict[str, Any], str]] = [
    (Status.STORED, {}, "opens"),
    (Status.STORED, {"receipt": b"r" * 32}, "opens"),
    (Status.STORED, {"now": UNTIL - timedelta(seconds=1)}, "opens"),
    (Status.STORED, {"now": UNTIL}, "too late"),
    (Status.EXPIRED, {}, "too late"),
    (Status.STORED, {"held_at": NOW}, "held back"),
    (Status.EXPIRED, {"held_at": NOW}, "too late"),
    (Status.STORED, {"phone_last4": "1234"}, "opens"),
    (Status.STORED, {"phone_last4": "0000"}, "nothing"),
    (Status.STORED, {"compartment_id": 0}, "nothing"),
    (Status.STORED, {"code": "00000000"}, "nothing"),
    (Status.RETRIEVED, {}, "nothing"),
    (Status.PENDING, {}, "nothing"),
    (Status.CANCELLED, {}, "nothing"),
]


@pytest.mark.parametrize(("status", "more", "outcome"), PICKUPS)
def test_pick_up(status: Status, more: dict[str, Any], outcome: str) -> None:
    location, courier = make_location(), make_courier()
    held = {name: more[name] for name in more if name == "held_at"}
    more = {name: more[name] for name in more if name != "held_at"}
    package = make_package(courier, door(location, "S1"), status, **held)
    make_package(courier, door(location, "S2"))
    attempt = PickUp(**{"location": location, "code": code_of(package), **more})
    result, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    opened = (package.pk, package.compartment_id, "S1", 1, "A")
    assert result == {"opens": [opened], "nothing": []}.get(outcome, [(package.pk, None, None, None, None)])
    assert len(tables["packages_app_packageevent"]) == (outcome == "opens")


@pytest.mark.parametrize(("status", "more", "outcome"), PICKUPS)
def test_pick_up_by_a_delegate(status: Status, more: dict[str, Any], outcome: str) -> None:
    location, courier = make_location(), make_courier()
    held = {name: more[name] for name in more if name == "held_at"}
    more = {name: more[name] for name in more if name != "held_at"}
    package = make_package(courier, door(location, "S1"), status, **held)
    delegate = make_delegate(package, phone="+3725551234")
    Recipient.objects.update(phone="+3725559999")
    make_delegate(make_package(courier, door(location, "S2")))
    code = "000000000" if "code" in more else delegate.code
    attempt = PickUp(**{"location": location, **more, "code": code})
    result, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    opened = (package.pk, package.compartment_id, "S1", 1, "A")
    assert result == {"opens": [opened], "nothing": []}.get(outcome, [(package.pk, None, None, None, None)])
    lines = tables["packages_app_packageevent"]
    assert [line["reason"] for line in lines] == ["with the delegate's code"] * (outcome == "opens")


def test_a_delegate_who_was_removed_opens_nothing() -> None:
    location = make_location()
    package = make_package(make_courier(), door(location, "S1"))
    delegate = make_delegate(package)
    code = delegate.code
    delegate.withdraw(now=NOW)
    attempt = PickUp(location, code)
    result, _ = assert_alike(attempt.in_one_statement, attempt.readably)
    assert result == []


@pytest.mark.parametrize(("email", "phone"), [("", ""), ("mari@example.com", ""), ("", "+3725551234")])
def test_pick_up_tells_by_what_there_is(email: str, phone: str) -> None:
    location = make_location()
    package = make_package(
        make_courier(), door(location, "S1"), recipient=make_recipient(email=email, phone=phone)
    )
    attempt = PickUp(location, code_of(package))
    _, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    assert len(tables["notifications_notification"]) == bool(email) + bool(phone)


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_pick_up_tells_by_one_channel_only(channel: str) -> None:
    location = make_location()
    only = make_recipient(only_channel=channel)
    package = make_package(make_courier(), door(location, "S1"), recipient=only)
    attempt = PickUp(location, code_of(package))
    _, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    assert [row["channel"] for row in tables["notifications_notification"]] == [channel]


def test_pick_up_in_a_broken_door_leaves_it_broken() -> None:
    location = make_location()
    package = make_package(make_courier(), door(location, "S1"))
    package.compartment.take_out_of_service(by="staff:ann", reason="hinge", now=NOW)
    attempt = PickUp(location, code_of(package))
    _, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    broken = next(row for row in tables["lockers_compartment"] if row["label"] == "S1")
    assert (broken["occupancy"], broken["out_of_service_reason"]) == ("empty", "hinge")


# --- Expiry ----------------------------------------------------------------------------------------------


def expire_in_one_statement() -> int:
    """As `operations.expire` does it."""
    found = fetch(statements.EXPIRE, {"now": UNTIL, "batch": 10, "by": "system"})
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


# --- Webhooks --------------------------------------------------------------------------------------------


def announced(tables: dict[str, Any]) -> list[dict[str, Any]]:
    """What goes to endpoints."""
    return [row for row in tables["notifications_notification"] if row["channel"] == "webhook"]


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


def test_pick_up_without_endpoints_has_one_too() -> None:
    location = make_location()
    attempt = PickUp(location, code_of(make_package(make_courier(), door(location, "S1"))))
    assert_alike(replace(attempt, announces=False).in_one_statement, attempt.readably)


@pytest.mark.parametrize("announces", [False, True])
def test_only_statements_for_endpoints_know_of_any(announces: bool) -> None:
    """The others are a fifth faster for it."""
    with transaction.atomic():
        drop_off = statements.assign("best_fit", accessible=False, announces=announces)
    for sql in (drop_off, statements.pick_up(announces=announces)):
        assert ("packages_app_webhook" in sql) == announces


@pytest.mark.parametrize(("status", "outcome"), [(Status.STORED, 1), (Status.EXPIRED, 0)])
def test_pick_up_announces_a_retrieved_package(status: Status, outcome: int) -> None:
    location, courier = make_location(), make_courier()
    package = make_package(courier, door(location, "S1"), status)
    endpoint = make_webhook(courier)
    make_webhook(make_courier("gls"))
    attempt = PickUp(location, code_of(package))
    _, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    rows = announced(tables)
    assert [row["subject"] for row in rows] == [endpoint.destination_id] * outcome
    for row in rows:
        assert (row["kind"], row["context"]["package"]["status"]) == ("package.retrieved", "RETRIEVED")
        assert row["context"]["package"]["compartment_id"] is None


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
