"""Doors taken out of use and back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from common.actor import Actor
from lockers import errors, operations
from lockers.models import Compartment, CompartmentEvent, Location, Membership
from tests.world import door, make_location

pytestmark = pytest.mark.django_db
Occupancy, Status = Compartment.Occupancy, Compartment.Status
ALL = Compartment.objects.all


@pytest.fixture
def location() -> Location:
    return make_location()


def history(location: Location) -> list[tuple[str, str, str]]:
    events = CompartmentEvent.objects.filter(compartment__location=location).order_by("id")
    return [(event.kind, event.by, event.reason) for event in events]


def set_occupancy(location: Location, occupancy: Compartment.Occupancy) -> Compartment:
    location.compartments.filter(label="S1").update(occupancy=occupancy)
    return door(location, "S1")


def test_out_of_service_and_back(location: Location) -> None:
    now = timezone.now()
    s1 = door(location, "S1")
    operations.take_out_of_service(
        compartments=ALL(), compartment_id=s1.pk, by=Actor("staff:anna"), reason=" hinge bent ", now=now
    )
    s1.refresh_from_db()
    assert (s1.status, s1.out_of_service_at, s1.out_of_service_reason) == (
        Status.OUT_OF_SERVICE,
        now,
        "hinge bent",
    )
    operations.put_back_in_service(
        compartments=ALL(), compartment_id=s1.pk, by=Actor("staff:bert"), now=timezone.now()
    )
    s1.refresh_from_db()
    assert (s1.status, s1.out_of_service_at, s1.out_of_service_reason) == (Status.AVAILABLE, None, "")
    assert history(location) == [("taken_out", "staff:anna", "hinge bent"), ("put_back", "staff:bert", "")]


@pytest.mark.parametrize("occupancy", list(Occupancy))
def test_the_two_facts_are_independent(location: Location, occupancy: Compartment.Occupancy) -> None:
    s1 = set_occupancy(location, occupancy)
    before = s1.status
    operations.take_out_of_service(
        compartments=ALL(), compartment_id=s1.pk, by=Actor("x"), reason="y", now=timezone.now()
    )
    s1.refresh_from_db()
    assert (s1.status, s1.occupancy) == (Status.OUT_OF_SERVICE, occupancy)
    operations.put_back_in_service(
        compartments=ALL(), compartment_id=s1.pk, by=Actor("x"), now=timezone.now()
    )
    s1.refresh_from_db()
    assert (s1.status, s1.occupancy) == (before, occupancy)


def test_twice_out_keeps_the_first_time_and_the_last_reason(location: Location) -> None:
    first, second = timezone.now(), timezone.now()
    for now, reason in ((first, "stuck"), (second, "stuck and dirty")):
        s1 = operations.take_out_of_service(
            compartments=ALL(), compartment_id=door(location, "S1").pk, by=Actor("x"), reason=reason, now=now
        )
    s1.refresh_from_db()
    assert (s1.out_of_service_at, s1.out_of_service_reason) == (first, "stuck and dirty")


def test_a_reason_of_nothing_is_still_a_reason(location: Location) -> None:
    s1 = operations.take_out_of_service(
        compartments=ALL(),
        compartment_id=door(location, "S1").pk,
        by=Actor("x"),
        reason="  ",
        now=timezone.now(),
    )
    assert s1.out_of_service_reason == "out of service"


def test_putting_back_what_works_does_nothing(location: Location) -> None:
    operations.put_back_in_service(
        compartments=ALL(), compartment_id=door(location, "S1").pk, by=Actor("x"), now=timezone.now()
    )
    assert history(location) == []


def test_confirm_empty(location: Location) -> None:
    s1 = set_occupancy(location, Occupancy.UNVERIFIED)
    operations.confirm_empty(
        compartments=ALL(), compartment_id=s1.pk, by=Actor("manager:mari"), now=timezone.now()
    )
    assert door(location, "S1").occupancy == Occupancy.EMPTY
    assert history(location) == [("checked_empty", "manager:mari", "")]


def test_confirming_twice_is_one_event(location: Location) -> None:
    s1 = set_occupancy(location, Occupancy.UNVERIFIED)
    for _ in range(2):
        operations.confirm_empty(compartments=ALL(), compartment_id=s1.pk, by=Actor("x"), now=timezone.now())
    assert len(history(location)) == 1


@pytest.mark.parametrize("occupancy", [Occupancy.RESERVED, Occupancy.OCCUPIED])
def test_a_door_with_a_package_is_not_confirmed_as_empty(
    location: Location, occupancy: Compartment.Occupancy
) -> None:
    s1 = set_occupancy(location, occupancy)
    with pytest.raises(errors.CompartmentInUse):
        operations.confirm_empty(compartments=ALL(), compartment_id=s1.pk, by=Actor("x"), now=timezone.now())
    assert door(location, "S1").occupancy == occupancy
    assert history(location) == []


@pytest.mark.parametrize("what", ["take_out_of_service", "put_back_in_service", "confirm_empty"])
def test_another_managers_door_does_not_exist(location: Location, what: str) -> None:
    mari = User.objects.create_user("mari")
    Membership.objects.create(user=mari, location=make_location("MINE"))
    more: dict[str, Any] = {"reason": "x"} if what == "take_out_of_service" else {}
    more |= {"by": Actor("manager:mari"), "now": timezone.now()}
    mine = Compartment.objects.for_user(mari)
    for pk in (door(location, "S1").pk, 2**62):
        with pytest.raises(errors.UnknownCompartment):
            getattr(operations, what)(compartments=mine, compartment_id=pk, **more)
    assert history(location) == []
    getattr(operations, what)(
        compartments=mine,
        compartment_id=door(mari.managed_locations.get(), "S1").pk,
        **more,
    )
