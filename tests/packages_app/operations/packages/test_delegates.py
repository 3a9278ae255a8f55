"""Somebody else collects: a code of their own, one delegate at a time, and either code opens once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from lockers.models import Kiosk, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.core.actor import Actor, Caller
from packages_app.errors import (
    CodeExpired,
    NoDelegate,
    NothingToResend,
    OnHold,
    PhoneCheckRequired,
    UnknownCode,
    UnknownPackage,
    WrongStatus,
)
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Delegate, Package, WrongCodeTally
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.payloads.results import Opened
from packages_app.secrets import pickup_codes
from tests.packages_app.operations.looking import everything, history, row, state, told
from tests.world import (
    NOW,
    UNTIL,
    caller,
    code_of,
    delegate_code_of,
    door,
    make_delegate,
    make_kiosk,
    make_location,
    make_package,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
TOLD = [("delegate_named", "email"), ("delegate_named", "sms"), ("delegated", "email"), ("delegated", "sms")]


def juhan(**fields: Any) -> Delegate:
    people = {"name": "Juhan Juurikas", "email": "juhan@example.com", "phone": "+3725559876"}
    return Delegate(**(people | fields))


def name(package: Package, by: Actor, delegate: Delegate | None = None, **more: Any) -> Package:
    arguments: dict[str, Any] = {"package_id": package.pk, "by": by, "now": NOW}
    return operations.name_delegate(**(arguments | more), delegate=delegate or juhan())


def remove(package: Package, by: Actor) -> Package:
    return operations.remove_delegate(package_id=package.pk, by=by, now=NOW)


def try_code(screen: Caller, code: str, *, now: Any = NOW, **more: Any) -> Opened:
    return operations.pick_up(by=screen.actor, now=now, typed=TypedCode(code=code, **more))


# --- Naming ---------------------------------------------------------------------------------------------


def test_a_delegate_has_a_code_of_nine_digits_and_both_are_told(
    package: Package, by: Actor, location: Location
) -> None:
    own = code_of(package)
    name(package, by)
    delegate = Delegate.objects.get()
    assert (delegate.package_id, delegate.location_id, delegate.named_at) == (package.pk, location.pk, NOW)
    assert len(delegate.code) == 9
    assert bytes(delegate.code_mac or b"") in pickup_codes.macs(location.pk, delegate.code)
    assert code_of(package) == own
    assert history(package) == [("delegated", "STORED", "STORED", "courier:dpd", "")]
    assert told(package) == TOLD
    contexts = Notification.objects.filter(kind="delegated").values_list("context", "priority")
    assert list(contexts) == [({"delegate": str(delegate.pk)}, 1)] * 2


def test_the_history_names_nobody(package: Package, by: Actor, screen: Caller) -> None:
    name(package, by)
    try_code(screen, delegate_code_of(package))
    assert "Juhan" not in str(history(package))


@pytest.mark.parametrize("status", [one for one in Status if one != Status.STORED])
def test_only_what_can_be_collected_has_a_delegate(
    courier: Courier, by: Actor, location: Location, status: Status
) -> None:
    package = make_package(courier, door(location, "S1"), status)
    before = everything(package)
    with pytest.raises(WrongStatus) as refused:
        name(package, by)
    assert refused.value.facts == {"package_status": status}
    assert everything(package) == before
    assert not Delegate.objects.exists()


def test_past_the_hold_nobody_is_named(package: Package, by: Actor) -> None:
    with pytest.raises(WrongStatus) as refused:
        name(package, by, now=UNTIL)
    assert refused.value.facts == {"package_status": "EXPIRED"}
    assert not Delegate.objects.exists()


def test_the_same_person_again_changes_nothing(package: Package, by: Actor) -> None:
    name(package, by)
    before = everything(package), delegate_code_of(package)
    name(package, by, now=NOW + HOUR)
    assert (everything(package), delegate_code_of(package)) == before


@pytest.mark.parametrize("change", [{"name": "Jaan"}, {"phone": ""}, {"email": ""}, {"language": "et"}])
def test_another_one_takes_the_place_and_the_first_code_dies(
    package: Package, by: Actor, screen: Caller, change: dict[str, str]
) -> None:
    name(package, by)
    first = delegate_code_of(package)
    name(package, by, juhan(**change))
    assert Delegate.objects.filter(withdrawn_at=None).count() == 1
    assert history(package)[-1][-1] == "instead of somebody named before"
    with pytest.raises(UnknownCode):
        try_code(screen, first)
    assert try_code(screen, delegate_code_of(package)).package_id == package.pk


Change = Callable[..., Package]
CHANGES: dict[str, tuple[Change, dict[str, Any]]] = {
    "name": (operations.name_delegate, {"delegate": juhan(name="Jaan")}),
    "remove": (operations.remove_delegate, {}),
    "resend": (operations.resend_delegate_code, {}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_somebody_else_s_package_is_unknown(
    change: str, package: Package, by: Actor, stranger: Actor
) -> None:
    make_delegate(package)
    operation, arguments = CHANGES[change]
    before = everything(package), delegate_code_of(package)
    for who, package_id in ((stranger, package.pk), (by, uuid.uuid4())):
        with pytest.raises(UnknownPackage):
            operation(package_id=package_id, by=who, now=NOW, **arguments)
    assert (everything(package), delegate_code_of(package)) == before


# --- Removing and renewing ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(Status))
def test_removed(status: Status, courier: Courier, by: Actor, location: Location, screen: Caller) -> None:
    package = make_package(courier, door(location, "S1"), status)
    code = make_delegate(package).code
    before = everything(package)
    if status not in (Status.STORED, Status.EXPIRED):
        with pytest.raises(WrongStatus):
            remove(package, by)
        assert everything(package) == before
        return
    remove(package, by)
    delegate = Delegate.objects.get()
    assert (delegate.withdrawn_at, delegate.code_mac) == (NOW, None)
    assert history(package) == [("delegate_removed", status, status, "courier:dpd", "")]
    with pytest.raises(UnknownCode):
        try_code(screen, code)
    before = everything(package)
    remove(package, by)
    assert everything(package) == before


def test_a_new_code_for_the_delegate(package: Package, by: Actor, screen: Caller) -> None:
    name(package, by)
    first, own = delegate_code_of(package), code_of(package)
    operations.resend_delegate_code(package_id=package.pk, by=by, now=NOW)
    second = delegate_code_of(package)
    assert first != second
    assert code_of(package) == own
    assert history(package)[-1] == ("delegate_renewed", "STORED", "STORED", "courier:dpd", "")
    assert told(package) == sorted([*TOLD, ("delegated", "email"), ("delegated", "sms")])
    with pytest.raises(UnknownCode):
        try_code(screen, first)
    assert try_code(screen, second).package_id == package.pk


def test_what_a_new_code_for_the_delegate_asks_for(package: Package, by: Actor) -> None:
    arguments: dict[str, Any] = {"package_id": package.pk, "by": by, "now": NOW}
    with pytest.raises(NoDelegate):
        operations.resend_delegate_code(**arguments)
    make_delegate(package)
    with pytest.raises(WrongStatus):
        operations.resend_delegate_code(**(arguments | {"now": UNTIL}))
    Package.objects.update(held_at=NOW)
    with pytest.raises(OnHold):
        operations.resend_delegate_code(**arguments)
    Package.objects.update(held_at=None)
    Delegate.objects.update(email="", phone="")
    with pytest.raises(NothingToResend):
        operations.resend_delegate_code(**arguments)


# --- Picking up -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["recipient", "delegate"])
def test_either_code_opens_once_and_then_neither(
    first: str, package: Package, by: Actor, screen: Caller
) -> None:
    name(package, by)
    both = {"recipient": code_of(package), "delegate": delegate_code_of(package)}
    opened = try_code(screen, both[first])
    assert opened == Opened(package.pk, package.compartment_id, "S1", "A", 1)
    collected = row(package)
    assert (collected.status, collected.collected_by_delegate) == (Status.RETRIEVED, first == "delegate")
    reason = "with the delegate's code" if first == "delegate" else ""
    assert history(package)[-1] == ("retrieved", "STORED", "RETRIEVED", "kiosk:TLL-1/screen", reason)
    assert state(package.compartment) == ("empty", "available")
    for code in both.values():
        with pytest.raises(UnknownCode):
            try_code(screen, code)


@pytest.mark.parametrize("shape", ["{} {} {}", "{}-{}-{}", " {}{}{} "])
def test_as_people_type_it(package: Package, screen: Caller, shape: str) -> None:
    code = make_delegate(package).code
    assert try_code(screen, shape.format(code[:3], code[3:6], code[6:])).package_id == package.pk


def test_the_kiosk_s_repeat_gets_the_same_answer(package: Package, screen: Caller) -> None:
    code = make_delegate(package).code
    first = try_code(screen, code, nonce="n-1")
    again = try_code(screen, code, nonce="n-1", now=NOW + timedelta(minutes=5))
    assert again == first
    assert again.repeated


def test_a_wrong_code_of_nine_digits_is_counted(package: Package, screen: Caller) -> None:
    code = make_delegate(package).code
    wrong = f"{(int(code) + 1) % 10**9:09d}"
    with pytest.raises(UnknownCode):
        try_code(screen, wrong)
    assert Kiosk.objects.get().wrong_codes_in_row == 1
    assert WrongCodeTally.objects.get().failures == 1


def test_on_a_bad_day_the_delegate_s_own_phone_is_asked_for(
    package: Package, screen: Caller, location: Location, settings: Settings
) -> None:
    code = make_delegate(package).code
    WrongCodeTally.objects.create(location=location, day=NOW.date(), failures=settings.PICKUP_DAILY_FAILURES)
    with pytest.raises(PhoneCheckRequired):
        try_code(screen, code)
    with pytest.raises(UnknownCode):
        try_code(screen, code, phone_last4="1234")  # the recipient's
    assert try_code(screen, code, phone_last4="9876").package_id == package.pk


def test_another_location_s_delegate_is_unknown(package: Package) -> None:
    code = make_delegate(package).code
    with pytest.raises(UnknownCode):
        try_code(caller(make_kiosk(make_location("RIX-1"))), code)


def test_the_delegate_s_code_waits_with_what_is_held_back(
    package: Package, by: Actor, screen: Caller
) -> None:
    operations.put_on_hold(package_id=package.pk, by=by, now=NOW)
    name(package, by)
    code = delegate_code_of(package)
    with pytest.raises(OnHold):
        try_code(screen, code)
    before = told(package).count(("delegated", "sms"))
    operations.release_hold(package_id=package.pk, by=by, now=NOW)
    assert told(package).count(("delegated", "sms")) == before + 1
    assert try_code(screen, code).package_id == package.pk


def test_the_delegate_s_code_ends_and_comes_back_with_the_hold(
    package: Package, by: Actor, screen: Caller
) -> None:
    code = make_delegate(package).code
    operations.expire_due(now=UNTIL)
    with pytest.raises(CodeExpired):
        try_code(screen, code, now=UNTIL)
    operations.extend(package_id=package.pk, by=by, now=UNTIL, hours=1)
    assert try_code(screen, code, now=UNTIL).package_id == package.pk


@pytest.mark.parametrize("end", ["cancel", "return"])
def test_the_delegate_s_code_dies_with_the_package(
    end: str, courier: Courier, by: Actor, location: Location, screen: Caller
) -> None:
    package = make_package(courier, door(location, "S1"), Status.EXPIRED)
    code = make_delegate(package).code
    change = operations.cancel if end == "cancel" else operations.return_to_courier
    change(package_id=package.pk, by=by, now=NOW)
    with pytest.raises(UnknownCode):
        try_code(screen, code)


@pytest.mark.parametrize("who", ["recipient", "delegate"])
def test_a_door_that_stayed_shut_gives_both_codes_back(
    who: str, package: Package, by: Actor, screen: Caller
) -> None:
    name(package, by)
    both = {"recipient": code_of(package), "delegate": delegate_code_of(package)}
    try_code(screen, both[who])
    before = told(package).count(("delegated", "sms"))
    operations.record_door_failure(package_id=package.pk, by=screen.actor, now=NOW)
    assert not row(package).collected_by_delegate
    assert told(package).count(("delegated", "sms")) == before + 1
    assert try_code(screen, both["delegate"]).package_id == package.pk


# --- Codes ----------------------------------------------------------------------------------------------


def test_no_two_delegates_at_a_location_have_one_code(
    package: Package, by: Actor, courier: Courier, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_delegate(make_package(courier, door(location, "M1")))
    taken, real = other.code, pickup_codes.compute

    def collides(owner_id: uuid.UUID, version: int, secret_id: int, length: int | None = None) -> str:
        return taken if length == 9 and version == 1 else real(owner_id, version, secret_id, length)

    monkeypatch.setattr(pickup_codes, "compute", collides)
    name(package, by)
    delegate = package.delegate
    assert delegate is not None
    assert delegate.code_version == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Delegate.objects.filter(pk=delegate.pk).update(code_mac=other.code_mac)


def test_the_database_allows_one_delegate_a_package(package: Package) -> None:
    delegate = make_delegate(package)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_delegate(package)
    for broken in ({"withdrawn_at": NOW}, {"code_mac": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delegate.objects.filter(pk=delegate.pk).update(**broken)


def test_a_delegate_s_code_is_no_package_s_own_code(package: Package) -> None:
    """Of another length: neither look-up can find the other's."""
    delegate = make_delegate(package)
    assert len({len(code_of(package)), len(delegate.code)}) == 2
    assert not set(pickup_codes.macs(7, "12345679")) & set(pickup_codes.macs(7, "123456790"))
