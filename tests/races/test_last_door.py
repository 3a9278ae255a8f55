"""Many couriers, one door: it is given once, and the others are told so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from common.actor import Actor
from lockers import operations as service
from lockers.models import Compartment, Location
from packages_app import operations
from packages_app.models import Courier, Package
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.sql import drop_off, pickup
from tests.races.together import assert_sound, bring, in_rounds, kinds, together
from tests.world import actor, caller, door, make_kiosk, make_location, wrong_code

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

THREADS = 16


def take_out(courier: Courier) -> None:
    """Whatever lies in a door is taken out."""
    for package in Package.objects.in_door():
        operations.cancel(package_id=package.pk, by=actor(courier), now=timezone.now())
        operations.return_to_courier(package_id=package.pk, by=actor(courier), now=timezone.now())


@pytest.mark.parametrize("strategy", ["best_fit", "first_available"])
def test_the_last_door_is_won_once_in_every_round(courier: Courier, strategy: str) -> None:
    rounds = 50 if strategy == "best_fit" else 10
    location = make_location(small=1, medium=0, large=0, strategy=strategy)
    results = in_rounds(
        THREADS,
        rounds,
        prepare=lambda number: take_out(courier),
        work=lambda number, thread: bring(courier, location, f"T-{number}-{thread}"),
    )
    assert [kinds(one) for one in results] == [{"ok": 1, "LocationFull": THREADS - 1}] * rounds
    assert Package.objects.count() == rounds
    assert_sound()


def test_sixteen_couriers_fill_twelve_doors_and_no_door_twice(courier: Courier) -> None:
    location = make_location(small=4, medium=4, large=4)
    results = in_rounds(
        THREADS,
        10,
        prepare=lambda number: take_out(courier),
        work=lambda number, thread: bring(courier, location, f"T-{number}-{thread}"),
    )
    assert [kinds(one) for one in results] == [{"ok": 12, "LocationFull": 4}] * 10
    for one in results:
        given = [package.compartment_id for package in one if isinstance(package, Package)]
        assert len(set(given)) == 12
    assert_sound()


def test_a_door_that_is_taken_out_of_service_at_that_moment(courier: Courier) -> None:
    """Either the package was first, or it has another door; never a door that was out already."""
    location = make_location(small=1, medium=1, large=0)

    def prepare(number: int) -> None:
        take_out(courier)
        for compartment in Compartment.objects.filter(out_of_service_at__isnull=False):
            service.put_back_in_service(
                compartments=Compartment.objects.all(),
                compartment_id=compartment.pk,
                by=Actor("x"),
                now=timezone.now(),
            )

    def work(number: int, thread: int) -> Any:
        if thread % 2:
            return bring(courier, location, f"T-{number}-{thread}")
        return service.take_out_of_service(
            compartments=Compartment.objects.all(),
            compartment_id=door(location, "S1").pk,
            by=Actor("staff:ann"),
            reason="hinge",
            now=timezone.now(),
        )

    results = in_rounds(4, 20, prepare=prepare, work=work)
    for one in results:
        assert set(kinds(one)) <= {"ok", "LocationFull"}
        assert kinds(one)["ok"] >= 3
    assert_sound()


@pytest.fixture
def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drop-off as it would be without the lock on the door."""
    real = drop_off.assign

    def unlocked(strategy: str, **more: bool) -> str:
        text, removed = re.subn(r"FOR (NO KEY )?UPDATE OF \S+ SKIP LOCKED", "", real(strategy, **more))
        assert removed == 1
        return text

    monkeypatch.setattr(drop_off, "assign", unlocked)


@pytest.fixture
def no_constraint() -> Iterator[None]:
    """This test's database without the belt; it is put on again afterwards."""
    constraint = next(one for one in Package._meta.constraints if one.name == "package_one_per_compartment")
    with connection.schema_editor() as editor:
        editor.remove_constraint(Package, constraint)
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE packages_app_package CASCADE")
    with connection.schema_editor() as editor:
        editor.add_constraint(Package, constraint)


@pytest.mark.usefixtures("no_lock", "no_constraint")
def test_without_lock_and_constraint_a_door_is_given_twice(courier: Courier) -> None:
    """If this fails, the tests above prove nothing: they could not find the race if it were there."""
    location = make_location(small=1, medium=0, large=0)
    for number in range(30):
        results = together(
            *(partial(bring, courier, location, f"T-{number}-{thread}") for thread in range(8))
        )
        if kinds(results)["ok"] > 1:
            break
        take_out(courier)
    else:
        raise AssertionError("thirty rounds without a race")
    with pytest.raises(AssertionError, match="No compartment is occupied by two packages"):
        assert_sound()


@pytest.mark.usefixtures("no_lock")
def test_without_the_lock_the_constraint_still_holds(courier: Courier) -> None:
    location = make_location(small=1, medium=0, large=0)
    results = in_rounds(
        8,
        5,
        prepare=lambda number: take_out(courier),
        work=lambda number, thread: bring(courier, location, f"T-{number}-{thread}"),
    )
    assert [kinds(one).get("ok") for one in results] == [1] * 5
    assert_sound()


def test_without_the_lock_on_the_screen_more_codes_could_be_tried(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of `test_kiosks.py`: there the lock is all that counts."""
    real = pickup.pick_up

    def unlocked(**which: bool) -> str:
        text, removed = re.subn(r"FOR NO KEY UPDATE OF kiosk", "", real(**which))
        assert removed == 1
        return text

    monkeypatch.setattr(pickup, "pick_up", unlocked)
    wrong = wrong_code(location)
    for number in range(30):
        screen = caller(make_kiosk(location, f"screen {number}"))
        results = together(
            *[partial(operations.pick_up, by=screen.actor, now=timezone.now(), typed=TypedCode(code=wrong))]
            * 12
        )
        if kinds(results).get("UnknownCode", 0) > 5:
            return
    raise AssertionError("thirty rounds without a race")
