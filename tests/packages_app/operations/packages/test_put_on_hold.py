"""Held back and released: no code opens the door meanwhile, and the recipient loses no time."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lockers.models import Kiosk, Location, Size
from packages_app import operations
from packages_app.core.actor import Actor, Caller
from packages_app.errors import CodeExpired, OnHold, Refusal, UnknownPackage, WrongStatus
from packages_app.life.lifecycle import OPEN, Status
from packages_app.models import Courier, Package, WrongCodeTally
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.operations.packages.put_on_hold import HoldReason
from packages_app.operations.packages.reassign import Reason
from packages_app.operations.packages.record_found import Outcome
from tests.packages_app.operations.looking import everything, history, row, state, told
from tests.world import NOW, UNTIL, code_of, door, make_package, make_recipient

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATEST = NOW + 14 * DAY  # the location's longest hold


def hold(package: Package, by: Actor, **more: Any) -> Package:
    return operations.put_on_hold(**{"package_id": package.pk, "by": by, "now": NOW, **more})


def release(package: Package, by: Actor, now: Any = NOW) -> Package:
    return operations.release_hold(package_id=package.pk, by=by, now=now)


@pytest.mark.parametrize("status", list(Status))
def test_what_may_still_be_collected_can_be_held_back_and_released(
    status: Status, courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"), status)
    before = everything(package)
    if status not in OPEN:
        for change in (operations.put_on_hold, operations.release_hold):
            with pytest.raises(WrongStatus) as refused:
                change(package_id=package.pk, by=by, now=NOW)
            assert refused.value.facts == {"package_status": status}
        assert everything(package) == before
        return
    held = hold(package, by)
    assert (held.status, held.held_at) == (status, NOW)
    assert state(package.compartment) == state(held.compartment)
    released = release(package, by)
    assert (released.status, released.held_at, released.held_expires_at) == (status, None, None)
    assert [line[0] for line in history(package)] == ["held", "released"]
    assert row(package).expires_at == before["package"]["expires_at"]
    announced = [("held", "email"), ("held", "sms"), ("released", "email"), ("released", "sms")]
    assert told(package) == (announced if status == Status.STORED else [])


@pytest.mark.parametrize(
    ("reason", "note", "written"),
    [
        (HoldReason.FRAUD, "", "fraud"),
        (HoldReason.UNPAID, "invoice 12", "unpaid: invoice 12"),
        (HoldReason.CUSTOMS, "x" * 300, "customs: " + "x" * 191),
    ],
)
def test_the_history_says_why(
    package: Package, by: Actor, reason: HoldReason, note: str, written: str
) -> None:
    hold(package, by, reason=reason, note=note)
    assert history(package) == [("held", "STORED", "STORED", "courier:dpd", written)]


def test_a_repeat_changes_nothing(package: Package, by: Actor) -> None:
    hold(package, by, reason=HoldReason.FRAUD)
    before = everything(package)
    assert hold(package, by, now=NOW + HOUR, reason=HoldReason.UNPAID).held_at == NOW
    assert everything(package) == before
    release(package, by, NOW + HOUR)
    before = everything(package)
    release(package, by, NOW + 2 * HOUR)
    assert everything(package) == before


@pytest.mark.parametrize("change", [operations.put_on_hold, operations.release_hold])
def test_somebody_else_s_package_is_unknown(
    package: Package, by: Actor, stranger: Actor, change: Callable[..., Package]
) -> None:
    before = everything(package)
    for who, package_id in ((stranger, package.pk), (by, uuid.uuid4())):
        with pytest.raises(UnknownPackage):
            change(package_id=package_id, by=who, now=NOW)
    assert everything(package) == before


# --- The hand-over --------------------------------------------------------------------------------------


def test_no_code_opens_a_door_that_is_held_back_and_nobody_is_blamed(
    package: Package, by: Actor, screen: Caller, location: Location
) -> None:
    hold(package, by)
    before, code = everything(package), code_of(package)
    for _ in range(6):
        with pytest.raises(OnHold):
            operations.pick_up(by=screen.actor, now=NOW + HOUR, typed=TypedCode(code=code, nonce="n"))
    assert everything(package) == before
    assert Kiosk.objects.get().wrong_codes_in_row == 0
    assert not WrongCodeTally.objects.exists()
    assert location.kiosks.get().locked_until is None
    release(package, by, NOW + HOUR)
    opened = operations.pick_up(by=screen.actor, now=NOW + HOUR, typed=TypedCode(code=code, nonce="n"))
    assert opened.package_id == package.pk


def test_who_comes_too_late_hears_that_and_not_that_it_is_held_back(
    courier: Courier, location: Location, by: Actor, screen: Caller
) -> None:
    package = make_package(courier, door(location, "S1"), Status.EXPIRED)
    hold(package, by)
    with pytest.raises(CodeExpired):
        operations.pick_up(by=screen.actor, now=UNTIL, typed=TypedCode(code=code_of(package)))


# --- Time -----------------------------------------------------------------------------------------------


def test_time_stands_still(package: Package, by: Actor) -> None:
    hold(package, by, now=UNTIL - HOUR)
    held = row(package)
    assert (held.held_expires_at, held.expires_at) == (UNTIL, LATEST)
    assert operations.expire_due(now=UNTIL + DAY) == 0
    release(package, by, UNTIL - HOUR + 5 * DAY)
    assert row(package).expires_at == UNTIL + 5 * DAY


def test_a_door_is_not_blocked_for_ever(package: Package, by: Actor) -> None:
    hold(package, by, now=NOW)
    assert operations.expire_due(now=LATEST - HOUR) == 0
    assert operations.expire_due(now=LATEST) == 1
    expired = row(package)
    assert (expired.status, expired.held_at) == (Status.EXPIRED, NOW)
    operations.return_to_courier(package_id=package.pk, by=by, now=LATEST)
    returned = row(package)
    assert (returned.status, returned.held_at, returned.held_expires_at) == (Status.RETURNED, None, None)


def test_what_is_given_back_ends_at_the_longest_hold(package: Package, by: Actor) -> None:
    hold(package, by, now=NOW + HOUR)
    release(package, by, LATEST - HOUR)
    assert row(package).expires_at == LATEST


def test_a_clock_that_went_back_takes_no_time_away(package: Package, by: Actor) -> None:
    hold(package, by, now=NOW + HOUR)
    release(package, by, NOW)
    assert row(package).expires_at == UNTIL


def test_a_longer_hold_than_the_location_s_limit_is_not_cut(courier: Courier, location: Location) -> None:
    """Time that was lost to a locker out of use may lie beyond it."""
    by = Actor(name="courier:dpd", courier_id=courier.pk)
    package = make_package(courier, door(location, "S1"), expires_at=LATEST + DAY)
    hold(package, by)
    assert row(package).expires_at == LATEST + DAY
    release(package, by, NOW + 9 * DAY)
    assert row(package).expires_at == LATEST + DAY


def test_what_was_over_before_it_was_held_back_stays_over(package: Package, by: Actor) -> None:
    """No sweep has passed yet."""
    hold(package, by, now=UNTIL)
    assert row(package).expires_at == UNTIL
    assert operations.expire_due(now=UNTIL) == 1
    release(package, by, UNTIL + DAY)
    assert (row(package).status, row(package).expires_at) == (Status.EXPIRED, UNTIL)


def test_a_deposit_that_is_held_back_begins_to_wait_at_its_release(
    courier: Courier, by: Actor, location: Location, screen: Caller
) -> None:
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    hold(package, by)
    operations.deposit(package_id=package.pk, by=by, now=NOW + HOUR)
    stored = row(package)
    assert (stored.status, stored.held_at) == (Status.STORED, NOW)
    assert stored.expires_at == LATEST + HOUR
    with pytest.raises(OnHold):
        operations.pick_up(by=screen.actor, now=NOW + HOUR, typed=TypedCode(code=code_of(package)))
    release(package, by, NOW + HOUR + 2 * DAY)
    assert row(package).expires_at == NOW + HOUR + 2 * DAY + 3 * DAY


# --- What else may happen meanwhile ------------------------------------------------------------------------

Meanwhile = tuple[Callable[..., Package], dict[str, Any], Status, type[Refusal] | None]
MEANWHILE: dict[str, Meanwhile] = {
    "deposit": (operations.deposit, {}, Status.PENDING, None),
    "reassign a reservation": (operations.reassign, {"reason": Reason.DAMAGED}, Status.PENDING, None),
    "cancel a reservation": (operations.cancel, {}, Status.PENDING, None),
    "reassign": (operations.reassign, {"reason": Reason.DAMAGED}, Status.STORED, None),
    "cancel": (operations.cancel, {}, Status.STORED, None),
    "extend": (operations.extend, {"hours": 1}, Status.STORED, OnHold),
    "resend": (operations.resend_code, {}, Status.STORED, OnHold),
    "cancel what expired": (operations.cancel, {}, Status.EXPIRED, None),
    "extend what expired": (operations.extend, {"hours": 1}, Status.EXPIRED, OnHold),
    "return": (operations.return_to_courier, {}, Status.EXPIRED, None),
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_what_may_happen_to_what_is_held_back(
    name: str, courier: Courier, by: Actor, location: Location
) -> None:
    change, arguments, status, refusal = MEANWHILE[name]
    package = make_package(courier, door(location, "S1"), status)
    hold(package, by)
    before = everything(package)
    if refusal is not None:
        with pytest.raises(refusal):
            change(package_id=package.pk, by=by, now=NOW, **arguments)
        assert everything(package) == before
        return
    changed = change(package_id=package.pk, by=by, now=NOW, **arguments)
    assert row(package).held_at == (NOW if changed.status in OPEN else None)


def test_a_reservation_that_is_held_back_lapses_like_any(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    hold(package, by)
    assert operations.lapse_due(now=NOW + HOUR) == 1
    assert (row(package).status, row(package).held_at) == (Status.CANCELLED, None)


def test_what_was_held_back_when_it_lapsed_is_so_when_it_is_found_after_all(
    by: Actor, location: Location, screen: Caller
) -> None:
    package = operations.assign(
        by=by,
        now=NOW,
        location=location.code,
        tracking_number="T-1",
        size=Size.SMALL,
        recipient=make_recipient(),
        deposited=False,
    ).package
    hold(package, by)
    operations.lapse_due(now=NOW + HOUR)
    operations.record_found(package_id=package.pk, by=by, now=NOW + HOUR, outcome=Outcome.STAYS)
    assert (row(package).status, row(package).held_at) == (Status.STORED, NOW + HOUR)
    with pytest.raises(OnHold):
        operations.pick_up(by=screen.actor, now=NOW + HOUR, typed=TypedCode(code=code_of(package)))
    release(package, by, NOW + 2 * HOUR)
    assert row(package).expires_at == NOW + 2 * HOUR + 3 * DAY
