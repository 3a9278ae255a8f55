"""Reserved doors: whether they were opened, what becomes of them, and what somebody finds inside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lockers import operations as service
from lockers.models import Compartment, Location, Membership, Size
from packages_app import operations
from packages_app.core.actor import Actor, Caller
from packages_app.errors import CompartmentInUse, DuplicateTrackingNumber, UnknownPackage, WrongStatus
from packages_app.invariants import INVARIANTS
from packages_app.invariants.audit import check
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.operations.packages.reassign import Reason
from packages_app.operations.packages.record_found import Outcome
from packages_app.rules import reservations
from tests.packages_app.operations.looking import door_history, everything, history, row, state, told
from tests.world import NOW, code_of, door, make_package, make_recipient

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=31)
# What its courier said, and whether the parcel may lie in the door.
SAID: list[tuple[bool | None, bool]] = [(None, True), (True, True), (False, False)]


def sound() -> None:
    """The audit finds nothing, but for what asks the real clock."""
    findings = [check(one) for one in INVARIANTS if one.id not in ("I10", "I14")]
    assert not [(one.invariant.id, one.rows) for one in findings if one.rows]


def reserve(by: Actor, location: Location, opened: bool | None = None, **more: Any) -> Package:
    """A package that was really assigned."""
    return operations.assign(
        by=by,
        now=NOW,
        location=location.code,
        tracking_number="T-1",
        size=Size.SMALL,
        recipient=make_recipient(),
        deposited=False,
        opened=opened,
        **more,
    ).package


@pytest.mark.parametrize(("opened", "inside"), SAID)
def test_lapse(by: Actor, location: Location, opened: bool | None, inside: bool) -> None:
    package = reserve(by, location, opened)
    assert operations.lapse_due(now=LATER) == 1
    assert row(package).status == Status.CANCELLED
    assert state(door(location, "S1"))[0] == ("unverified" if inside else "empty")
    assert bool(door_history(door(location, "S1"))) == inside
    sound()


@pytest.mark.parametrize(("opened", "inside"), SAID)
def test_cancel(by: Actor, location: Location, opened: bool | None, inside: bool) -> None:
    package = reserve(by, location, opened)
    operations.cancel(package_id=package.pk, by=by, now=NOW)
    assert state(door(location, "S1"))[0] == ("unverified" if inside else "empty")
    sound()


@pytest.mark.parametrize(("opened", "inside"), SAID)
def test_opened_before_it_lapsed(by: Actor, location: Location, opened: bool | None, inside: bool) -> None:
    package = reserve(by, location, opened)
    operations.open_door(package_id=package.pk, by=by, now=NOW + timedelta(minutes=1))
    assert operations.lapse_due(now=LATER) == 1
    assert state(door(location, "S1"))[0] == "unverified"


def test_open_writes_history_once(by: Actor, location: Location, screen: Caller) -> None:
    package = reserve(by, location, opened=False)
    operations.open_door(package_id=package.pk, by=screen.actor, now=NOW)
    before = everything(package)
    operations.open_door(package_id=package.pk, by=by, now=LATER)
    assert everything(package) == before
    assert history(package)[1:] == [("opened", "PENDING", "PENDING", f"kiosk:{location.code}/screen", "")]
    assert (row(package).opened_at, told(package)) == (NOW, [])


def test_who_opens_late_has_five_minutes_to_confirm(by: Actor, location: Location) -> None:
    package = reserve(by, location, opened=False, reserve_for=timedelta(minutes=10))
    nearly = NOW + timedelta(minutes=9)
    operations.open_door(package_id=package.pk, by=by, now=nearly)
    assert row(package).reserved_until == nearly + timedelta(minutes=5)
    operations.open_door(package_id=package.pk, by=by, now=nearly + timedelta(minutes=4))
    assert row(package).reserved_until == nearly + timedelta(minutes=5)
    assert operations.deposit(package_id=package.pk, by=by, now=nearly).status == Status.STORED
    assert row(package).opened_at == nearly


@pytest.mark.parametrize("status", [status for status in Status if status != Status.PENDING])
def test_only_a_reserved_door_is_opened(
    by: Actor, courier: Courier, location: Location, status: Status
) -> None:
    package = make_package(courier, door(location, "S1"), status)
    before = everything(package)
    with pytest.raises(WrongStatus):
        operations.open_door(package_id=package.pk, by=by, now=NOW)
    assert everything(package) == before


def test_a_stranger_s_door_and_another_location_s(by: Actor, stranger: Actor, location: Location) -> None:
    package = reserve(by, location, opened=False)
    for nobody in (stranger, Actor("kiosk:x", location_id=location.pk + 1)):
        with pytest.raises(UnknownPackage):
            operations.open_door(package_id=package.pk, by=nobody, now=NOW)
    assert row(package).opened_at is None


@pytest.mark.parametrize("opened", [False, True, None])
def test_the_door_after_a_reassign_counts_as_opened(
    by: Actor, location: Location, opened: bool | None
) -> None:
    """Who asks for another door stands before it."""
    package = reserve(by, location, opened)
    operations.reassign(package_id=package.pk, by=by, now=NOW, reason=Reason.TOO_SMALL)
    assert state(door(location, "S1"))[0] == "empty"
    operations.lapse_due(now=LATER)
    assert state(door(location, "M1"))[0] == "unverified"


@pytest.mark.parametrize("reason", [Reason.DOOR_STUCK, Reason.NOT_EMPTY])
def test_an_opened_door_that_would_not_do_is_unverified(
    by: Actor, location: Location, reason: Reason
) -> None:
    package = reserve(by, location, opened=True)
    operations.reassign(package_id=package.pk, by=by, now=NOW, reason=reason)
    assert state(door(location, "S1"))[0] == "unverified"
    assert reservations.last_in(door(location, "S1")) is None  # its parcel is in the new one


# --- Found inside -----------------------------------------------------------------------------------------


@pytest.fixture
def lapsed(by: Actor, location: Location) -> Package:
    """A reservation that lapsed after its door was opened."""
    package = reserve(by, location, opened=True)
    operations.lapse_due(now=LATER)
    return package


@pytest.fixture
def manager(location: Location) -> Actor:
    user = User.objects.create_user("mia")
    Membership.objects.create(user=user, location=location)
    return Actor.of_user(user)


@pytest.mark.parametrize("who", ["by", "manager"])
def test_found_and_stays(
    lapsed: Package, location: Location, who: str, request: pytest.FixtureRequest, screen: Caller
) -> None:
    finder: Actor = request.getfixturevalue(who)
    operations.record_found(package_id=lapsed.pk, by=finder, now=LATER, outcome=Outcome.STAYS)
    package = row(lapsed)
    assert (package.status, package.stored_at, package.expires_at) == (
        Status.STORED,
        LATER,
        LATER + timedelta(days=3),
    )
    assert package.holds_door
    assert package.cancelled_at is None
    assert state(door(location, "S1")) == ("occupied", "occupied")
    assert history(package)[-1] == ("found", "CANCELLED", "STORED", finder.name, "")
    assert told(package) == [("stored", "email"), ("stored", "sms")]
    sound()
    operations.pick_up(by=screen.actor, now=LATER, typed=TypedCode(code=code_of(package)))
    assert state(door(location, "S1"))[0] == "empty"
    sound()


def test_found_and_taken_out(lapsed: Package, location: Location, manager: Actor) -> None:
    operations.record_found(package_id=lapsed.pk, by=manager, now=LATER, outcome=Outcome.TAKEN_OUT)
    package = row(lapsed)
    assert (package.status, package.returned_at, package.stored_at) == (Status.RETURNED, LATER, None)
    assert state(door(location, "S1")) == ("empty", "available")
    assert door_history(door(location, "S1"))[-1] == ("checked_empty", "manager:mia", "")
    assert history(package)[-1][:3] == ("found_taken_out", "CANCELLED", "RETURNED")
    assert told(package) == []
    sound()


def looked(location: Location) -> None:
    """Somebody has looked: nothing lies in it."""
    compartment = door(location, "S1")
    service.confirm_empty(
        compartments=Compartment.objects.all(),
        compartment_id=compartment.pk,
        by=Actor("mia"),
        now=timezone.now(),
    )


def given_again(location: Location, by: Actor) -> None:
    """And another parcel was reserved there, and lapsed."""
    looked(location)
    operations.assign(
        by=by,
        now=NOW,
        location=location.code,
        tracking_number="T-2",
        size=Size.SMALL,
        recipient=make_recipient(),
        deposited=False,
    )
    operations.lapse_due(now=LATER)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("meanwhile", ["looked", "given_again", "found"])
def test_not_found_twice_nor_after_somebody_has_looked(
    lapsed: Package, location: Location, by: Actor, outcome: Outcome, meanwhile: str
) -> None:
    if meanwhile == "looked":
        looked(location)
    elif meanwhile == "given_again":
        given_again(location, by)
    else:
        operations.record_found(package_id=lapsed.pk, by=by, now=LATER, outcome=outcome)
    before = everything(lapsed)
    with pytest.raises(WrongStatus):
        operations.record_found(package_id=lapsed.pk, by=by, now=LATER, outcome=outcome)
    assert everything(lapsed) == before


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("status", Status)
def test_found_is_for_what_was_only_reserved(
    by: Actor, courier: Courier, location: Location, status: Status, outcome: Outcome
) -> None:
    package = make_package(courier, door(location, "S1"), status)
    before = everything(package)
    with pytest.raises(WrongStatus):
        operations.record_found(package_id=package.pk, by=by, now=NOW, outcome=outcome)
    assert everything(package) == before


def test_what_its_courier_called_off_only_the_courier_stores(
    by: Actor, manager: Actor, location: Location
) -> None:
    package = reserve(by, location, opened=True)
    operations.cancel(package_id=package.pk, by=by, now=NOW)
    with pytest.raises(WrongStatus):
        operations.record_found(package_id=package.pk, by=manager, now=NOW, outcome=Outcome.STAYS)
    operations.record_found(package_id=package.pk, by=by, now=NOW, outcome=Outcome.STAYS)
    assert row(package).status == Status.STORED


def test_brought_anew_meanwhile(lapsed: Package, by: Actor, location: Location) -> None:
    again = reserve(by, location)
    with pytest.raises(DuplicateTrackingNumber) as refused:
        operations.record_found(package_id=lapsed.pk, by=by, now=LATER, outcome=Outcome.STAYS)
    assert refused.value.facts == {"package_id": str(again.pk)}
    operations.record_found(package_id=lapsed.pk, by=by, now=LATER, outcome=Outcome.TAKEN_OUT)
    assert row(lapsed).status == Status.RETURNED


def test_strangers_find_nothing(lapsed: Package, stranger: Actor) -> None:
    somebody = Actor.of_user(User.objects.create_user("max"))
    for who in (stranger, somebody):
        with pytest.raises(UnknownPackage):
            operations.record_found(package_id=lapsed.pk, by=who, now=LATER, outcome=Outcome.STAYS)


def test_a_door_that_was_never_opened_hides_nothing(by: Actor, location: Location) -> None:
    package = reserve(by, location, opened=False)
    operations.lapse_due(now=LATER)
    with pytest.raises(WrongStatus):
        operations.record_found(package_id=package.pk, by=by, now=LATER, outcome=Outcome.STAYS)


# --- The door that did not open, given away meanwhile ------------------------------------------------------


@pytest.mark.parametrize(("opened", "gives_way"), [(None, False), (True, False), (False, True)])
def test_who_has_not_come_gives_way_to_whose_door_did_not_open(
    by: Actor, location: Location, screen: Caller, opened: bool | None, gives_way: bool
) -> None:
    """The recipient's parcel is still inside; the door was given away in the moment of the pickup."""
    Compartment.objects.filter(location=location).exclude(label="S1").update(occupancy="unverified")
    stored = operations.assign(
        by=by,
        now=NOW,
        location=location.code,
        tracking_number="T-0",
        size=Size.SMALL,
        recipient=make_recipient(),
    ).package
    operations.pick_up(by=screen.actor, now=NOW, typed=TypedCode(code=code_of(stored)))
    meanwhile = reserve(by, location, opened)
    if not gives_way:
        with pytest.raises(CompartmentInUse):
            operations.record_door_failure(package_id=stored.pk, by=screen.actor, now=NOW)
        assert row(meanwhile).status == Status.PENDING
        return
    operations.record_door_failure(package_id=stored.pk, by=screen.actor, now=NOW)
    assert (row(stored).status, row(meanwhile).status) == (Status.STORED, Status.CANCELLED)
    assert state(door(location, "S1"))[0] == "doubtful"
    assert history(meanwhile)[-1][3:] == ("system", "the package before it is still in the door")
    findings = [check(one) for one in INVARIANTS if one.id not in ("I3-door", "I5", "I10", "I14")]
    assert not [(one.invariant.id, one.rows) for one in findings if one.rows]
