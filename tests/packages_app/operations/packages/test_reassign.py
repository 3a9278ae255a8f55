"""The courier stands before a door that will not do, and gets another."""

from __future__ import annotations

from typing import Any

import pytest

from lockers.models import Compartment, Location
from packages_app.core.actor import Actor
from packages_app.errors import LocationFull
from packages_app.life.lifecycle import Status
from packages_app.models import Courier
from packages_app.operations import reassign
from packages_app.operations.packages.reassign import Reason
from tests.packages_app.operations.looking import door_history, everything, history, row, state, told
from tests.world import NOW, code_of, door, make_package

pytestmark = pytest.mark.django_db

# What becomes of the old door: occupancy, what people see, its history.
LEFT: dict[Reason, tuple[str, str, list[str]]] = {
    Reason.TOO_SMALL: ("empty", "available", []),
    Reason.DOOR_STUCK: ("unverified", "out_of_service", ["unverified", "taken_out"]),
    Reason.NOT_EMPTY: ("unverified", "unverified", ["unverified"]),
    Reason.DAMAGED: ("empty", "out_of_service", ["taken_out"]),
}


@pytest.mark.parametrize("status", [Status.PENDING, Status.STORED])
@pytest.mark.parametrize("reason", list(Reason))
def test_another_door_and_what_becomes_of_the_old_one(
    courier: Courier, by: Actor, location: Location, reason: Reason, status: Status
) -> None:
    package = make_package(courier, door(location, "S1"), status)
    code = code_of(package)
    reassign(package_id=package.pk, by=by, now=NOW, reason=reason)
    package = row(package)
    larger = reason == Reason.TOO_SMALL
    assert package.compartment.label == ("M1" if larger else "S2")
    assert package.size == (2 if larger else 1)
    assert package.status == status
    assert code_of(package) == code
    assert history(package) == [("reassigned", status, status, "courier:dpd", reason)]
    assert package.events.get().compartment_id == package.compartment_id
    held = "reserved" if status == Status.PENDING else "occupied"
    assert state(package.compartment) == (held, held)
    occupancy, shown, kinds = LEFT[reason]
    old = door(location, "S1")
    assert state(old) == (occupancy, shown)
    assert door_history(old) == [(kind, "courier:dpd", reason) for kind in kinds]
    assert told(package) == []


def test_too_small_from_the_largest_is_a_full_location(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "L1"))
    before = everything(package)
    with pytest.raises(LocationFull):
        reassign(package_id=package.pk, by=by, now=NOW, reason=Reason.TOO_SMALL)
    assert everything(package) == before


def test_too_small_is_larger_than_the_door_not_than_the_package(
    courier: Courier, by: Actor, location: Location
) -> None:
    """A small package that got a medium door, and does not fit even there."""
    package = make_package(courier, door(location, "M1"), size=1)
    reassign(package_id=package.pk, by=by, now=NOW, reason=Reason.TOO_SMALL)
    package = row(package)
    assert (package.compartment.label, package.size) == ("L1", 3)


def test_it_never_gets_a_smaller_door(courier: Courier, by: Actor, location: Location) -> None:
    package = make_package(courier, door(location, "M1"))
    Compartment.objects.filter(location=location, label="M2").update(occupancy="occupied")
    reassign(package_id=package.pk, by=by, now=NOW, reason=Reason.DAMAGED)
    assert row(package).compartment.label == "L1"


def test_no_other_door_changes_nothing(courier: Courier, by: Actor, location: Location) -> None:
    package = make_package(courier, door(location, "S1"))
    Compartment.objects.exclude(pk=package.compartment_id).update(occupancy="unverified")
    before = everything(package)
    with pytest.raises(LocationFull):
        reassign(package_id=package.pk, by=by, now=NOW, reason=Reason.NOT_EMPTY)
    assert everything(package) == before


@pytest.mark.parametrize("strategy", ["best_fit", "first_available"])
def test_within_reach_stays_within_reach(
    courier: Courier, by: Actor, location: Location, strategy: str
) -> None:
    Location.objects.filter(pk=location.pk).update(strategy=strategy)
    Compartment.objects.filter(label__in=["S1", "M2"]).update(accessible=True)
    package = make_package(courier, door(location, "S1"), accessible=True)
    arguments: dict[str, Any] = {"package_id": package.pk, "by": by, "now": NOW}
    if strategy == "first_available":
        with pytest.raises(LocationFull):
            reassign(reason=Reason.DAMAGED, **arguments)
        return
    reassign(reason=Reason.DAMAGED, **arguments)
    assert row(package).compartment.label == "M2"


def test_a_suspended_location_still_moves_what_it_holds(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"))
    location.suspend(reason="flood", now=NOW)
    reassign(package_id=package.pk, by=by, now=NOW, reason=Reason.DOOR_STUCK)
    assert row(package).compartment.label == "S2"


def test_a_door_that_was_out_of_service_keeps_its_first_moment(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"))
    package.compartment.take_out_of_service(by="staff:ann", reason="hinge", now=NOW)
    reassign(package_id=package.pk, by=by, now=NOW.replace(hour=15), reason=Reason.DAMAGED)
    old = door(location, "S1")
    assert (old.out_of_service_at, old.out_of_service_reason) == (NOW, "damaged")
    assert [line[0] for line in door_history(old)] == ["taken_out", "taken_out"]


def test_the_new_door_is_not_doubtful_as_the_old_one_was(
    courier: Courier, by: Actor, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"))
    door(location, "S1").hold(Compartment.Occupancy.DOUBTFUL)
    reassign(package_id=package.pk, by=by, now=NOW, reason=Reason.DAMAGED)
    assert state(door(location, "S2")) == ("occupied", "occupied")
