"""The pickup in one statement does, row for row, what the same steps do in the readable ORM.

Both run on the same rows, each in a savepoint that is rolled back, and every table is compared afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from common.sql import fetch
from lockers.models import Compartment, Kiosk
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package, Recipient, WrongCodeTally
from packages_app.secrets import pickup_codes
from packages_app.sql import pickup
from tests.packages_app.alike import announced, assert_alike
from tests.world import (
    NOW,
    UNTIL,
    code_of,
    door,
    make_courier,
    make_delegate,
    make_kiosk,
    make_location,
    make_package,
    make_recipient,
    make_webhook,
)

pytestmark = pytest.mark.django_db

# What a wrong code gives.
NOTHING = (True, None, False)


@dataclass(frozen=True)
class PickUp:
    """A code, as a kiosk sends it."""

    kiosk: Kiosk
    code: str
    now: datetime = NOW
    compartment_id: int | None = None
    phone_last4: str | None = None
    receipt: bytes | None = None
    announces: bool = True
    sure: bool = False
    waits_until: datetime | None = None

    @property
    def by_delegate(self) -> bool:
        """Nine digits."""
        return len(self.code) == 9

    def in_one_statement(self) -> tuple[Any, ...]:
        """As `operations.pick_up` does it."""
        location_id = self.kiosk.location_id
        [row] = fetch(
            pickup.pick_up(by_delegate=self.by_delegate, announces=self.announces, sure=self.sure),
            {
                "kiosk_id": self.kiosk.pk,
                "location_id": location_id,
                "today": self.now.date(),
                "macs": pickup_codes.macs(location_id, self.code),
                "compartment_id": self.compartment_id,
                "phone_last4": self.phone_last4,
                "receipt": self.receipt,
                "repeats_since": self.now - timedelta(minutes=5),
                "now": self.now,
                "by": "kiosk:x",
                "waits_until": self.waits_until,
            },
        )
        if row.package_id is None:
            return (row.may_try, None, False)
        return (row.may_try, row.package_id, row.opened, row.id, row.label, row.size, row.locker)

    def readably(self) -> tuple[Any, ...]:
        """The same, step by step."""
        kiosk = Kiosk.objects.select_for_update(no_key=True).get(pk=self.kiosk.pk)
        today: dict[str, Any] = {"location_id": kiosk.location_id, "day": self.now.date()}
        failures = sum(WrongCodeTally.objects.filter(**today).values_list("failures", flat=True))
        waits = kiosk.locked_until is not None and kiosk.locked_until > self.now
        if not self.sure and (waits or failures >= settings.PICKUP_DAILY_FAILURES - 20):
            return (False, None, False)
        found = self.found()
        if found is None:
            kiosk.wrong_codes_in_row += 1
            over = kiosk.wrong_codes_in_row - settings.PICKUP_FREE_ATTEMPTS - 1
            wait = min(settings.PICKUP_FIRST_WAIT * 2 ** min(max(over, 0), 16), settings.PICKUP_LONGEST_WAIT)
            kiosk.locked_until = self.now + wait if over >= 0 else None
            kiosk.save()
            WrongCodeTally.objects.update_or_create(**today, defaults={"failures": failures + 1})
            return (True, None, False)
        package = Package.objects.lock(found.pk)
        compartment = Compartment.objects.lock(package.compartment_id)
        assert package.expires_at is not None
        opens = package.status == Status.STORED and package.expires_at > self.now and not package.held_at
        if opens:
            self.open(package)
            compartment.release()
            Kiosk.objects.filter(pk=kiosk.pk).update(wrong_codes_in_row=0, locked_until=None)
        facts = (compartment.pk, compartment.label, compartment.size, compartment.locker.name)
        return (True, package.pk, opens, *facts)

    def found(self) -> Package | None:
        """What the code or the press finds."""
        location_id = self.kiosk.location_id
        macs, phone = pickup_codes.macs(location_id, self.code), "recipient__phone"
        packages = Package.objects.filter(location_id=location_id)
        again = packages.filter(
            status=Status.RETRIEVED,
            pickup_receipt=self.receipt or b"",
            retrieved_at__gte=self.now - timedelta(minutes=5),
        )
        if self.by_delegate:
            phone = "delegates__phone"
            packages = packages.filter(delegates__code_mac__in=macs, code_mac__isnull=False)
        else:
            packages = packages.filter(code_mac__in=macs)
        if self.compartment_id is not None:
            packages = packages.filter(compartment_id=self.compartment_id)
        if self.phone_last4 is not None:
            packages = packages.filter(**{f"{phone}__endswith": self.phone_last4})
        return packages.first() or again.first()

    def open(self, package: Package) -> None:
        """It is retrieved."""
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
    attempt = PickUp(**{"kiosk": make_kiosk(location), "code": code_of(package), **more})
    result, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    facts = (package.compartment_id, "S1", 1, "A")
    opened, shut = (True, package.pk, True, *facts), (True, package.pk, False, *facts)
    assert result == {"opens": opened, "nothing": NOTHING}.get(outcome, shut)
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
    attempt = PickUp(**{"kiosk": make_kiosk(location), **more, "code": code})
    result, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    facts = (package.compartment_id, "S1", 1, "A")
    opened, shut = (True, package.pk, True, *facts), (True, package.pk, False, *facts)
    assert result == {"opens": opened, "nothing": NOTHING}.get(outcome, shut)
    lines = tables["packages_app_packageevent"]
    assert [line["reason"] for line in lines] == ["with the delegate's code"] * (outcome == "opens")


def test_a_delegate_who_was_removed_opens_nothing() -> None:
    location = make_location()
    package = make_package(make_courier(), door(location, "S1"))
    delegate = make_delegate(package)
    code = delegate.code
    delegate.withdraw(now=NOW)
    attempt = PickUp(make_kiosk(location), code)
    result, _ = assert_alike(attempt.in_one_statement, attempt.readably)
    assert result == NOTHING


@pytest.mark.parametrize(("email", "phone"), [("", ""), ("mari@example.com", ""), ("", "+3725551234")])
def test_pick_up_tells_by_what_there_is(email: str, phone: str) -> None:
    location = make_location()
    package = make_package(
        make_courier(), door(location, "S1"), recipient=make_recipient(email=email, phone=phone)
    )
    attempt = PickUp(make_kiosk(location), code_of(package))
    _, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    assert len(tables["notifications_notification"]) == bool(email) + bool(phone)


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_pick_up_tells_by_one_channel_only(channel: str) -> None:
    location = make_location()
    only = make_recipient(only_channel=channel)
    package = make_package(make_courier(), door(location, "S1"), recipient=only)
    attempt = PickUp(make_kiosk(location), code_of(package))
    _, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    assert [row["channel"] for row in tables["notifications_notification"]] == [channel]


def test_pick_up_in_a_broken_door_leaves_it_broken() -> None:
    location = make_location()
    package = make_package(make_courier(), door(location, "S1"))
    package.compartment.take_out_of_service(by="staff:ann", reason="hinge", now=NOW)
    attempt = PickUp(make_kiosk(location), code_of(package))
    _, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    broken = next(row for row in tables["lockers_compartment"] if row["label"] == "S1")
    assert (broken["occupancy"], broken["out_of_service_reason"]) == ("empty", "hinge")


WRONG = "00000000"


@pytest.mark.parametrize("in_row", [0, 3, 4, 5, 8, 9, 30, 400])
def test_a_wrong_code_is_counted_and_the_kiosk_waits(in_row: int) -> None:
    kiosk = make_kiosk(make_location())
    Kiosk.objects.update(wrong_codes_in_row=in_row, locked_until=NOW if in_row else None)
    attempt = PickUp(kiosk, WRONG)
    result, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    assert result == NOTHING
    [row] = tables["lockers_kiosk"]
    waits = {4: 30, 5: 60, 8: 480}.get(in_row, 900 if in_row > 8 else None)
    assert row["wrong_codes_in_row"] == in_row + 1
    assert row["locked_until"] == (NOW + timedelta(seconds=waits) if waits else None)
    assert [row["failures"] for row in tables["packages_app_wrongcodetally"]] == [1]


@pytest.mark.parametrize("failures", [0, 1, 39, 40, 60])
@pytest.mark.parametrize("sure", [False, True])
def test_a_day_with_nearly_too_many_wrong_codes_is_not_judged_in_the_statement(
    failures: int, sure: bool
) -> None:
    location = make_location()
    code = code_of(make_package(make_courier(), door(location, "S1")))
    WrongCodeTally.objects.create(location=location, day=NOW.date(), failures=failures)
    WrongCodeTally.objects.create(location=location, day=NOW.date() - timedelta(days=1), failures=99)
    kiosk = make_kiosk(location)
    for typed in (code, WRONG):
        attempt = PickUp(kiosk, typed, sure=sure)
        result, tables = assert_alike(attempt.in_one_statement, attempt.readably)
        may_try = sure or failures < 40
        assert result[0] == may_try
        assert result[2] == (may_try and typed == code)
        tally = next(row for row in tables["packages_app_wrongcodetally"] if row["day"] == NOW.date())
        assert tally["failures"] == failures + (may_try and typed == WRONG)


@pytest.mark.parametrize("seconds", [-1, 0, 1])
@pytest.mark.parametrize("sure", [False, True])
def test_a_kiosk_that_waits_opens_nothing_in_the_statement(seconds: int, sure: bool) -> None:
    location = make_location()
    code = code_of(make_package(make_courier(), door(location, "S1")))
    kiosk = make_kiosk(location)
    Kiosk.objects.update(wrong_codes_in_row=5, locked_until=NOW + timedelta(seconds=seconds))
    attempt = PickUp(kiosk, code, sure=sure)
    result, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    opens = sure or seconds <= 0
    assert (result[0], result[2]) == (opens, opens)
    assert [row["wrong_codes_in_row"] for row in tables["lockers_kiosk"]] == [0 if opens else 5]


@pytest.mark.parametrize("by_delegate", [False, True])
@pytest.mark.parametrize(
    ("ago", "receipt", "again"), [(1, b"r", True), (300, b"r", True), (301, b"r", False), (1, b"s", False)]
)
def test_the_same_press_again_opens_nothing_and_counts_nothing(
    by_delegate: bool, ago: int, receipt: bytes, again: bool
) -> None:
    location = make_location()
    package = make_package(make_courier(), door(location, "S1"))
    code = make_delegate(package).code if by_delegate else code_of(package)
    first = PickUp(make_kiosk(location), code, receipt=b"r" * 32)
    assert first.in_one_statement()[2]
    second = replace(first, now=NOW + timedelta(seconds=ago), receipt=receipt * 32)
    result, tables = assert_alike(second.in_one_statement, second.readably)
    facts = (package.compartment_id, "S1", 1, "A")
    assert result == ((True, package.pk, False, *facts) if again else NOTHING)
    assert [row["wrong_codes_in_row"] for row in tables["lockers_kiosk"]] == [int(not again)]


@pytest.mark.parametrize("sure", [False, True])
def test_when_nobody_waits_for_the_answer_any_more_nothing_is_opened_and_nothing_counted(sure: bool) -> None:
    location = make_location()
    right = PickUp(
        make_kiosk(location), code_of(make_package(make_courier(), door(location, "S1"))), sure=sure
    )
    late = replace(right, waits_until=NOW - timedelta(days=9999))
    for attempt in (late, replace(late, code=WRONG)):
        result, _ = assert_alike(attempt.in_one_statement, lambda: (False, None, False))
        assert result == (False, None, False)
    in_time = replace(right, waits_until=NOW + timedelta(days=9999))
    assert assert_alike(in_time.in_one_statement, in_time.readably)[0][2]


def test_where_there_are_endpoints_the_statement_without_them_does_nothing() -> None:
    location, courier = make_location(), make_courier()
    attempt = PickUp(make_kiosk(location), code_of(make_package(courier, door(location, "S1"))))
    make_webhook(courier)
    for typed in (attempt.code, WRONG):
        for sure in (False, True):
            blind = replace(attempt, code=typed, announces=False, sure=sure)
            result, _ = assert_alike(blind.in_one_statement, lambda: (False, None, False))
            assert result == (False, None, False)


def test_pick_up_without_endpoints_has_one_too() -> None:
    location = make_location()
    attempt = PickUp(make_kiosk(location), code_of(make_package(make_courier(), door(location, "S1"))))
    assert_alike(replace(attempt, announces=False).in_one_statement, attempt.readably)


@pytest.mark.parametrize(("status", "outcome"), [(Status.STORED, 1), (Status.EXPIRED, 0)])
def test_pick_up_announces_a_retrieved_package(status: Status, outcome: int) -> None:
    location, courier = make_location(), make_courier()
    package = make_package(courier, door(location, "S1"), status)
    endpoint = make_webhook(courier)
    make_webhook(make_courier("gls"))
    attempt = PickUp(make_kiosk(location), code_of(package))
    _, tables = assert_alike(attempt.in_one_statement, attempt.readably)
    rows = announced(tables)
    assert [row["subject"] for row in rows] == [endpoint.destination_id] * outcome
    for row in rows:
        assert (row["kind"], row["context"]["package"]["status"]) == ("package.retrieved", "RETRIEVED")
        assert row["context"]["package"]["compartment_id"] is None
