"""Two at one package: one is first, the other is told the truth, and nobody is told a falsehood."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from common.actor import Actor
from lockers import operations as service
from lockers.models import Compartment, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.errors import Refusal
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package, PackageEvent
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.operations.packages.reassign import Reason
from tests.races.together import (
    after_the_hold,
    assert_sound,
    bring,
    in_rounds,
    kinds,
    together,
    wait_until_somebody_waits,
)
from tests.world import actor, caller, code_of, door, make_kiosk, make_location

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Mover(threading.Thread):
    """Holds a package's row until it is let go, and moves the package to another door meanwhile."""

    def __init__(self, package: Package, to: Compartment) -> None:
        super().__init__()
        self.package, self.to = package, to
        self.locked, self.let_go = threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            with transaction.atomic():
                Package.objects.lock(self.package.pk)
                self.locked.set()
                self.let_go.wait(10)
                Package.objects.filter(pk=self.package.pk).update(compartment=self.to)
        finally:
            connection.close()


def test_who_waited_for_a_package_that_moved_finds_it_in_its_new_door(
    location: Location, courier: Courier
) -> None:
    """PostgreSQL checks a row again after the wait, but with the rows it was joined to before."""
    package = bring(courier, location, "T-1")
    mover = Mover(package, door(location, "M1"))
    mover.start()
    mover.locked.wait(10)
    waited: list[Any] = []

    def extend() -> None:
        waited.extend(
            together(
                lambda: operations.extend(
                    package_id=package.pk, by=actor(courier), now=timezone.now(), hours=1
                )
            )
        )

    waiter = threading.Thread(target=extend)
    waiter.start()
    wait_until_somebody_waits()
    mover.let_go.set()
    mover.join()
    waiter.join()
    assert isinstance(waited[0], Package), waited
    assert waited[0].compartment.label == "M1"


Act = Callable[[], Any]


def race(
    location: Location, courier: Courier, acts: Callable[[Package], list[Act]], *, rounds: int, **more: Any
) -> list[list[Any]]:
    """In each round a new package, and everybody at it at once; each is done or refused, and all is sound."""
    packages = []

    def prepare(number: int) -> None:
        for package in Package.objects.in_door():
            end(package, courier)
        doors = Compartment.objects.all()
        for compartment in doors:
            service.confirm_empty(
                compartments=doors, compartment_id=compartment.pk, by=Actor("x"), now=timezone.now()
            )
            service.put_back_in_service(
                compartments=doors, compartment_id=compartment.pk, by=Actor("x"), now=timezone.now()
            )
        packages.append(bring(courier, location, f"T-{number}", **more))

    prepared: list[list[Act]] = []

    def prepare_all(number: int) -> None:
        prepare(number)
        prepared.append(acts(packages[-1]))

    threads = 0
    with transaction.atomic():
        threads = len(acts(Package(courier=courier, location=location)))
    results = in_rounds(
        threads, rounds, prepare=prepare_all, work=lambda number, thread: prepared[number][thread]()
    )
    for one in results:
        faults = [r for r in one if isinstance(r, Exception) and not isinstance(r, Refusal)]
        assert not faults, faults
        unknown = [r for r in one if type(r).__name__ == "UnknownPackage"]
        assert not unknown, "a package that is there was called unknown"
    assert_sound()
    return results


def end(package: Package, courier: Courier) -> None:
    """Takes it out, whatever its status is."""
    by = actor(courier)
    if package.status != Status.CANCELLED:
        operations.cancel(package_id=package.pk, by=by, now=timezone.now())
    package.refresh_from_db()
    if package.holds_door:
        operations.return_to_courier(package_id=package.pk, by=by, now=timezone.now())


def test_pickup_expiry_extension_and_cancellation_at_once(location: Location, courier: Courier) -> None:
    screen, by = caller(make_kiosk(location)), actor(courier)

    def acts(package: Package) -> list[Act]:
        code, end_of_hold = code_of(package) if package.tracking_number else "", after_the_hold()
        return [
            lambda: operations.pick_up(by=screen.actor, now=timezone.now(), typed=TypedCode(code=code)),
            lambda: operations.expire_due(now=end_of_hold),
            lambda: operations.extend(package_id=package.pk, by=by, now=timezone.now(), hours=48),
            lambda: operations.cancel(package_id=package.pk, by=by, now=timezone.now()),
        ]

    for one in race(location, courier, acts, rounds=20):
        picked, expired, _, cancelled = one
        # Either it was handed out or it was called off; never both, never neither.
        assert isinstance(picked, Exception) != isinstance(cancelled, Exception)
        assert expired in (0, 1)


def test_reassignment_and_pickup_at_once(location: Location, courier: Courier) -> None:
    screen, by = caller(make_kiosk(location)), actor(courier)

    def acts(package: Package) -> list[Act]:
        code = code_of(package) if package.tracking_number else ""
        move = lambda: operations.reassign(  # noqa: E731
            package_id=package.pk, by=by, now=timezone.now(), reason=Reason.TOO_SMALL
        )
        return [
            lambda: operations.pick_up(by=screen.actor, now=timezone.now(), typed=TypedCode(code=code)),
            move,
            move,
        ]

    for one in race(location, courier, acts, rounds=20):
        assert not isinstance(one[0], Exception)
        opened = Package.objects.get(pk=one[0].package_id)
        assert opened.status == Status.RETRIEVED
        assert opened.compartment_id == one[0].compartment_id
        assert set(kinds(one[1:])) <= {"ok", "WrongStatus"}


def test_all_the_courier_s_changes_at_once(location: Location, courier: Courier) -> None:
    """Whoever waits finds the package where it is by then: `race` refuses to hear that there is none."""
    by = actor(courier)

    def acts(package: Package) -> list[Act]:
        common: dict[str, Any] = {"package_id": package.pk, "by": by, "now": timezone.now()}
        return [
            lambda: operations.reassign(reason=Reason.TOO_SMALL, **common),
            lambda: operations.extend(hours=1, **common),
            lambda: operations.resend_code(**common),
            lambda: operations.reassign(reason=Reason.DAMAGED, **common),
            lambda: operations.extend(hours=1, **common),
        ]

    for one in race(location, courier, acts, rounds=15):
        assert kinds(one) == {"ok": 5}


def test_lapse_and_deposit_at_once(location: Location, courier: Courier) -> None:
    by = actor(courier)

    def acts(package: Package) -> list[Act]:
        over = timezone.now() + timedelta(hours=1)
        return [
            lambda: operations.lapse_due(now=over),
            lambda: operations.deposit(package_id=package.pk, by=by, now=timezone.now()),
            lambda: operations.lapse_due(now=over),
        ]

    for one in race(location, courier, acts, rounds=20, deposited=False):
        lapsed = one[0] + one[2]
        assert lapsed == (1 if isinstance(one[1], Exception) else 0)


def test_resending_and_picking_up_at_once(location: Location, courier: Courier) -> None:
    """The old code opens only while it is the code."""
    screen, by = caller(make_kiosk(location)), actor(courier)

    def acts(package: Package) -> list[Act]:
        code = code_of(package) if package.tracking_number else ""
        return [
            lambda: operations.pick_up(
                by=screen.actor, now=timezone.now(), typed=TypedCode(code=code, nonce="n")
            ),
            lambda: operations.resend_code(package_id=package.pk, by=by, now=timezone.now()),
        ]

    for picked, renewed in race(location, courier, acts, rounds=20):
        # The screen's lock-out never comes into it: a code is wrong at the most once in a row here.
        assert isinstance(picked, Exception) != isinstance(renewed, Exception)
        location.kiosks.update(wrong_codes_in_row=0, locked_until=None)


def test_holding_back_and_picking_up_at_once(location: Location, courier: Courier) -> None:
    """Whoever held it back and was told so has it: nobody else took it out meanwhile."""
    screen, by = caller(make_kiosk(location)), actor(courier)

    def acts(package: Package) -> list[Act]:
        code = code_of(package) if package.tracking_number else ""
        return [
            lambda: operations.pick_up(by=screen.actor, now=timezone.now(), typed=TypedCode(code=code)),
            lambda: operations.put_on_hold(package_id=package.pk, by=by, now=timezone.now()),
            lambda: operations.put_on_hold(package_id=package.pk, by=by, now=timezone.now()),
            lambda: operations.expire_due(now=after_the_hold()),
        ]

    for picked, *held, expired in race(location, courier, acts, rounds=20):
        assert kinds(held) in ({"ok": 2}, {"WrongStatus": 2})
        if isinstance(picked, Exception):
            assert type(picked).__name__ in ("OnHold", "CodeExpired")
            assert kinds(held) == {"ok": 2}
        else:
            assert expired == 0
            assert kinds(held) == {"WrongStatus": 2}


def test_four_sweeps_at_once_do_each_thing_once(courier: Courier) -> None:
    location = make_location(small=60, medium=0, large=0)
    for number in range(40):
        bring(courier, location, f"S-{number}")
    for number in range(20):
        bring(courier, location, f"P-{number}", deposited=False)
    later = after_the_hold()
    results: list[Any] = together(
        *(lambda: operations.expire_due(now=later, batch=7) for _ in range(4)),
        *(lambda: operations.lapse_due(now=later, batch=7) for _ in range(4)),
    )
    assert kinds(results) == {"ok": 8}
    assert sum(results[:4]) == 40
    assert sum(results[4:]) == 20
    assert PackageEvent.objects.filter(event="expired").count() == 40
    assert PackageEvent.objects.filter(event="lapsed").count() == 20
    assert Notification.objects.filter(kind="expired").count() == 80
    assert_sound()
