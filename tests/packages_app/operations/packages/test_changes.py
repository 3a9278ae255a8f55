"""Deposit, cancel, extend, return, new code: what each does, and what each refuses."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.clock import database_now
from lockers.models import Downtime, Location
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app import operations
from packages_app.core.actor import SYSTEM, Actor
from packages_app.errors import (
    ChangedMeanwhile,
    ExtensionLimit,
    NothingToResend,
    UnknownPackage,
    WrongStatus,
)
from packages_app.life.lifecycle import Status
from packages_app.messaging.recipients import compose
from packages_app.models import Courier, Package
from packages_app.operations.packages.reassign import Reason
from packages_app.secrets import pickup_codes
from tests.packages_app.operations.looking import door_history, everything, history, row, state, told
from tests.world import NOW, UNTIL, code_of, door, make_package, make_recipient

pytestmark = pytest.mark.django_db

Change = Callable[..., Package]
CHANGES: dict[str, tuple[Change, dict[str, Any], set[Status]]] = {
    "deposit": (operations.deposit, {}, {Status.PENDING}),
    "cancel": (operations.cancel, {}, {Status.PENDING, Status.STORED, Status.EXPIRED}),
    "extend": (operations.extend, {"hours": 24}, {Status.STORED, Status.EXPIRED}),
    "return": (operations.return_to_courier, {}, {Status.EXPIRED, Status.CANCELLED}),
    "resend": (operations.resend_code, {}, {Status.STORED}),
    "reassign": (operations.reassign, {"reason": Reason.DAMAGED}, {Status.PENDING, Status.STORED}),
}


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("name", CHANGES)
def test_each_works_in_its_statuses_and_nowhere_else(
    name: str, status: Status, courier: Courier, by: Actor, location: Location
) -> None:
    change, arguments, fitting = CHANGES[name]
    package = make_package(courier, door(location, "S1"), status)
    if status in fitting:
        change(package_id=package.pk, by=by, now=NOW, **arguments)
        assert len(history(package)) == 1
        return
    before = everything(package)
    with pytest.raises(WrongStatus) as refused:
        change(package_id=package.pk, by=by, now=NOW, **arguments)
    assert refused.value.facts == {"package_status": status}
    assert everything(package) == before


@pytest.mark.parametrize("name", CHANGES)
def test_another_courier_s_package_and_a_missing_one_are_unknown(
    name: str, courier: Courier, stranger: Actor, by: Actor, location: Location
) -> None:
    change, arguments, fitting = CHANGES[name]
    package = make_package(courier, door(location, "S1"), min(fitting))
    before = everything(package)
    for who, package_id in ((stranger, package.pk), (by, uuid.uuid4())):
        with pytest.raises(UnknownPackage):
            change(package_id=package_id, by=who, now=NOW, **arguments)
    assert everything(package) == before


def test_a_cancelled_drop_off_cannot_be_returned_because_nothing_lies_there(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"), Status.CANCELLED, stored=False)
    with pytest.raises(WrongStatus):
        operations.return_to_courier(package_id=package.pk, by=by, now=NOW)


def test_deposit(courier: Courier, by: Actor, location: Location) -> None:
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    later = NOW + timedelta(minutes=20)
    returned = operations.deposit(package_id=package.pk, by=by, now=later)
    package = row(package)
    assert returned.status == package.status == Status.STORED
    assert package.stored_at == later
    assert package.expires_at == later + timedelta(days=3)
    assert package.reserved_until is None
    assert package.created_at == NOW
    assert bytes(package.code_mac or b"") in pickup_codes.macs(location.pk, code_of(package))
    assert state(package.compartment) == ("occupied", "occupied")
    assert history(package) == [("deposited", "PENDING", "STORED", "courier:dpd", "")]
    assert told(package) == [("stored", "email"), ("stored", "sms")]


def test_a_deposit_after_the_reservation_has_run_out_but_before_it_lapsed_counts(
    courier: Courier, by: Actor, location: Location
) -> None:
    """The parcel lies in the door: refusing would only lose it."""
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    operations.deposit(package_id=package.pk, by=by, now=NOW + timedelta(hours=2))
    assert row(package).status == Status.STORED


def test_deposit_takes_the_next_version_of_a_code_that_is_taken(
    courier: Courier, by: Actor, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = code_of(make_package(courier, door(location, "M1")))
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    real = pickup_codes.compute
    monkeypatch.setattr(
        pickup_codes,
        "compute",
        lambda pk, version, *more: taken if version == 1 else real(pk, version, *more),
    )
    operations.deposit(package_id=package.pk, by=by, now=NOW)
    assert row(package).code_version == 2


def test_cancel_of_a_reservation_leaves_the_door_in_doubt(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    operations.cancel(package_id=package.pk, by=by, now=NOW, reason="wrong city")
    package = row(package)
    assert (package.status, package.cancelled_at, package.released_at) == (Status.CANCELLED, NOW, NOW)
    assert state(package.compartment) == ("unverified", "unverified")
    assert history(package) == [("cancelled", "PENDING", "CANCELLED", "courier:dpd", "wrong city")]
    assert package.events.get().compartment is None
    assert door_history(package.compartment) == [("unverified", "courier:dpd", "drop-off cancelled")]
    assert told(package) == []


@pytest.mark.parametrize("status", [Status.STORED, Status.EXPIRED])
def test_cancel_of_a_stored_one_keeps_its_door(
    courier: Courier, by: Actor, location: Location, status: Status
) -> None:
    package = make_package(courier, door(location, "S1"), status)
    operations.cancel(package_id=package.pk, by=by, now=NOW)
    package = row(package)
    assert (package.status, package.cancelled_at) == (Status.CANCELLED, NOW)
    assert package.holds_door
    assert package.code_mac is None
    assert state(package.compartment) == ("occupied", "occupied")
    assert package.events.get().compartment_id == package.compartment_id
    assert told(package) == [("cancelled", "email"), ("cancelled", "sms")]


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.CANCELLED])
def test_return_frees_the_door(courier: Courier, by: Actor, location: Location, status: Status) -> None:
    package = make_package(courier, door(location, "S1"), status)
    operations.return_to_courier(package_id=package.pk, by=by, now=NOW)
    package = row(package)
    assert (package.status, package.returned_at, package.released_at) == (Status.RETURNED, NOW, NOW)
    assert package.cancelled_at == (NOW if status == Status.CANCELLED else None)
    assert package.code_mac is None
    assert state(package.compartment) == ("empty", "available")
    assert history(package) == [("returned", status, "RETURNED", "courier:dpd", "")]
    # Who was told that it is cancelled knows already.
    expected = [("returned", "email"), ("returned", "sms")] if status == Status.EXPIRED else []
    assert told(package) == expected


def test_extend_from_the_end_of_the_hold(courier: Courier, by: Actor, location: Location) -> None:
    package = make_package(courier, door(location, "S1"))
    operations.extend(package_id=package.pk, by=by, now=NOW, hours=24)
    assert row(package).expires_at == UNTIL + timedelta(hours=24)
    assert history(package) == [("extended", "STORED", "STORED", "courier:dpd", "by 24 h")]
    assert told(package) == [("extended", "email"), ("extended", "sms")]


def test_each_word_of_more_time_is_about_one_end(courier: Courier, by: Actor, location: Location) -> None:
    """So that of several that wait to be sent only the last one goes."""
    package = make_package(courier, door(location, "S1"))
    for _ in range(2):
        operations.extend(package_id=package.pk, by=by, now=NOW, hours=24)
    rows = Notification.objects.filter(channel="sms").order_by("id")
    ends = [datetime.fromisoformat(row.context["until"]) for row in rows]
    assert ends == [UNTIL + timedelta(hours=24), UNTIL + timedelta(hours=48)]
    first, last = compose(list(rows)).values()
    assert first == Suppressed("the hold was changed")
    assert isinstance(last, Message)


def test_more_time_while_the_clock_stands_is_told_by_the_return(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"))
    location.downtimes.create(cause=Downtime.Cause.SUSPENDED, began_at=NOW)
    operations.extend(package_id=package.pk, by=by, now=NOW, hours=24)
    assert told(package) == []


def test_who_asked_for_more_time_themselves_is_not_told(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"))
    operations.extend(package_id=package.pk, by=by, now=NOW, hours=24, tell=False)
    assert told(package) == []


@pytest.mark.parametrize(
    ("second", "later", "extended"),
    [
        ({"hours": 24}, timedelta(seconds=50), 24),
        ({"hours": 24}, timedelta(seconds=90), 48),
        ({"hours": 25}, timedelta(0), 49),
        ({"hours": 24, "may_repeat": False}, timedelta(0), 48),
    ],
)
def test_extend_asked_again(
    courier: Courier, by: Actor, location: Location, second: Any, later: timedelta, extended: int
) -> None:
    """A repeat without an Idempotency-Key comes within a minute and is the same call."""
    now = database_now()  # the database's clock writes the time of the first extension
    ends = now + timedelta(days=3)
    package = make_package(courier, door(location, "S1"), created_at=now, stored_at=now, expires_at=ends)
    common: dict[str, Any] = {"package_id": package.pk, "by": by}
    operations.extend(**common, now=now, hours=24)
    operations.extend(**common, now=now + later, **{"may_repeat": True, **second})
    until = row(package).expires_at
    assert until == ends + timedelta(hours=extended)


def test_extend_after_something_else_is_a_new_wish(courier: Courier, by: Actor, location: Location) -> None:
    now = database_now()  # the database's clock writes the time of each change
    ends = now + timedelta(days=3)
    package = make_package(courier, door(location, "S1"), created_at=now, stored_at=now, expires_at=ends)
    common: dict[str, Any] = {"package_id": package.pk, "by": by, "now": now}
    operations.extend(**common, hours=1)
    operations.resend_code(**common)
    operations.extend(**common, hours=1, may_repeat=True)
    assert [line[0] for line in history(package)] == ["extended", "code_renewed", "extended"]


def test_extend_of_an_expired_one_from_now_and_its_code_works_again(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"), Status.EXPIRED)
    code = code_of(package)
    late = UNTIL + timedelta(days=2)
    operations.extend(package_id=package.pk, by=by, now=late, hours=24)
    package = row(package)
    assert (package.status, package.expires_at) == (Status.STORED, late + timedelta(hours=24))
    assert code_of(package) == code
    assert bytes(package.code_mac or b"") in pickup_codes.macs(location.pk, code)


def test_extend_up_to_the_location_s_limit_and_not_beyond(
    courier: Courier, by: Actor, location: Location
) -> None:
    Location.objects.filter(pk=location.pk).update(max_hold_days=5)
    package = make_package(courier, door(location, "S1"))
    before = everything(package)
    with pytest.raises(ExtensionLimit) as refused:
        operations.extend(package_id=package.pk, by=by, now=NOW, hours=49)
    assert refused.value.facts["latest"] == NOW + timedelta(days=5)
    assert "5 days" in refused.value.detail
    assert everything(package) == before
    operations.extend(package_id=package.pk, by=by, now=NOW, hours=48)
    assert row(package).expires_at == NOW + timedelta(days=5)


def test_the_limit_counts_days_of_the_location_s_own_clock(
    courier: Courier, by: Actor, location: Location
) -> None:
    """Tallinn turns its clocks back on 25 October 2026: five days are 121 hours."""
    Location.objects.filter(pk=location.pk).update(max_hold_days=5)
    stored = datetime(2026, 10, 23, 9, 0, tzinfo=UTC)
    package = make_package(
        courier, door(location, "S1"), stored_at=stored, expires_at=stored + timedelta(hours=73)
    )
    with pytest.raises(ExtensionLimit):
        operations.extend(package_id=package.pk, by=by, now=stored, hours=49)
    operations.extend(package_id=package.pk, by=by, now=stored, hours=48)
    assert row(package).expires_at == stored + timedelta(hours=121)


def test_resend_makes_a_new_code_and_kills_the_old_one(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"))
    old = code_of(package)
    operations.resend_code(package_id=package.pk, by=by, now=NOW)
    package = row(package)
    assert package.code_version == 2
    assert code_of(package) != old
    assert bytes(package.code_mac or b"") not in pickup_codes.macs(location.pk, old)
    assert bytes(package.code_mac or b"") in pickup_codes.macs(location.pk, code_of(package))
    assert history(package) == [("code_renewed", "STORED", "STORED", "courier:dpd", "")]
    assert told(package) == [("code_renewed", "email"), ("code_renewed", "sms")]


def test_resend_past_the_end_of_the_hold(courier: Courier, by: Actor, location: Location) -> None:
    """No sweep has passed yet, but a new code would open nothing."""
    package = make_package(courier, door(location, "S1"))
    before = everything(package)
    with pytest.raises(WrongStatus) as refused:
        operations.resend_code(package_id=package.pk, by=by, now=UNTIL)
    assert refused.value.facts == {"package_status": "EXPIRED"}
    assert everything(package) == before


def test_resend_of_one_long_collected_says_so(courier: Courier, by: Actor, location: Location) -> None:
    package = make_package(courier, door(location, "S1"), Status.RETRIEVED)
    with pytest.raises(WrongStatus) as refused:
        operations.resend_code(package_id=package.pk, by=by, now=UNTIL + timedelta(days=9))
    assert refused.value.facts == {"package_status": "RETRIEVED"}


def test_resend_to_nobody(courier: Courier, by: Actor, location: Location) -> None:
    package = make_package(courier, door(location, "S1"), recipient=make_recipient(email="", phone=""))
    before = everything(package)
    with pytest.raises(NothingToResend):
        operations.resend_code(package_id=package.pk, by=by, now=NOW)
    assert everything(package) == before


@pytest.mark.parametrize("name", ["extend", "resend"])
def test_a_form_sent_twice_has_one_effect(name: str, courier: Courier, by: Actor, location: Location) -> None:
    change, arguments, _ = CHANGES[name]
    package = make_package(courier, door(location, "S1"))
    seen = package.updated_at
    change(package_id=package.pk, by=by, now=NOW, seen=seen, **arguments)
    before = everything(package)
    with pytest.raises(ChangedMeanwhile):
        change(package_id=package.pk, by=by, now=NOW, seen=seen, **arguments)
    assert everything(package) == before


def test_expire_ends_what_is_due_and_nothing_else(courier: Courier, location: Location) -> None:
    due = make_package(courier, door(location, "S1"))
    later = make_package(courier, door(location, "S2"), expires_at=UNTIL + timedelta(seconds=1))
    others = [
        make_package(courier, door(location, label), status)
        for label, status in (
            ("M1", Status.PENDING),
            ("M2", Status.EXPIRED),
            ("L1", Status.CANCELLED),
            ("L2", Status.RETRIEVED),
        )
    ]
    before = [everything(package) for package in (later, *others)]
    assert operations.expire_due(now=UNTIL) == 1
    assert operations.expire_due(now=UNTIL) == 0
    due = row(due)
    assert due.status == Status.EXPIRED
    assert due.holds_door
    assert due.code_mac is not None
    assert state(due.compartment) == ("occupied", "occupied")
    assert history(due) == [("expired", "STORED", "EXPIRED", "system", "")]
    assert due.events.get().compartment_id == due.compartment_id
    assert told(due) == [("expired", "email"), ("expired", "sms")]
    assert [everything(package) for package in (later, *others)] == before


def test_expire_in_batches(courier: Courier, location: Location) -> None:
    for label in ("S1", "S2", "M1", "M2", "L1"):
        make_package(courier, door(location, label))
    assert operations.expire_due(now=UNTIL, batch=2) == 5
    assert set(Package.objects.values_list("status", flat=True)) == {"EXPIRED"}


def test_lapse_ends_reservations_whose_time_is_over(courier: Courier, location: Location) -> None:
    due = make_package(courier, door(location, "S1"), Status.PENDING, reserved_until=NOW)
    later = make_package(courier, door(location, "S2"), Status.PENDING)
    stored = make_package(courier, door(location, "M1"))
    before = [everything(later), everything(stored)]
    due_rows = operations.lapse_due(now=NOW)
    assert due_rows == 1
    assert operations.lapse_due(now=NOW) == 0
    due = row(due)
    assert (due.status, due.cancelled_at, due.released_at) == (Status.CANCELLED, NOW, NOW)
    assert due.reserved_until is None
    assert state(due.compartment) == ("unverified", "unverified")
    assert history(due) == [("lapsed", "PENDING", "CANCELLED", "system", "")]
    assert door_history(due.compartment) == [("unverified", SYSTEM.name, "deposit never confirmed")]
    assert told(due) == []
    for package, kept in zip((later, stored), before, strict=True):
        now = everything(package)
        assert (now["package"], now["history"], now["told"]) == (
            kept["package"],
            kept["history"],
            kept["told"],
        )


def test_lapse_in_batches(courier: Courier, location: Location) -> None:
    for label in ("S1", "S2", "M1", "M2", "L1"):
        make_package(courier, door(location, label), Status.PENDING, reserved_until=NOW)
    assert operations.lapse_due(now=NOW, batch=2) == 5
