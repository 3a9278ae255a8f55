"""Two people at one package: one is first, the other is told the truth, and nobody is told a falsehood."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from lockers.models import Compartment, Location
from packages_app import operations
from packages_app.errors import UnknownCode, WrongStatus
from packages_app.lifecycle import Status
from packages_app.models import Courier, Package, Recipient
from packages_app.operations.pick_up import Opened, Typed
from packages_app.operations.reassign import Reason
from tests.races.together import assert_sound, kinds, together
from tests.world import (
    NOW,
    UNTIL,
    actor,
    caller,
    code_of,
    door,
    make_courier,
    make_kiosk,
    make_location,
    parcel,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def location() -> Location:
    return make_location(small=6, medium=4, large=2)


@pytest.fixture
def courier() -> Courier:
    return make_courier()


def bring(courier: Courier, location: Location, number: str = "T-1", **more: Any) -> Package:
    """A package that was really assigned: with its history."""
    assigned = operations.assign(
        by=actor(courier),
        now=NOW,
        location=location.code,
        tracking_number=number,
        size=1,
        recipient=recipient(),
        **more,
    )
    return assigned.package


def recipient() -> Recipient:
    """Not saved yet."""
    return Recipient(name="Mari", email="mari@example.com", phone="+3725551234")


class Held(threading.Thread):
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
                old = self.package.compartment_id
                Package.objects.filter(pk=self.package.pk).update(compartment=self.to)
                Compartment.objects.filter(pk=self.to.pk).update(occupancy="occupied")
                Compartment.objects.filter(pk=old).update(occupancy="empty")
        finally:
            connection.close()


def test_who_waited_for_a_package_that_moved_finds_it_in_its_new_door(
    location: Location, courier: Courier
) -> None:
    """PostgreSQL checks a row again after the wait, but with the rows it was joined to before."""
    package = bring(courier, location)
    other = door(location, "M1")
    mover = Held(package, other)
    mover.start()
    mover.locked.wait(10)
    waiting: list[Any] = []

    def cancel() -> None:
        try:
            waiting.append(operations.cancel(package_id=package.pk, by=actor(courier), now=NOW))
        except Exception as error:
            waiting.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    wait_until_somebody_waits()
    mover.let_go.set()
    mover.join()
    thread.join()
    assert isinstance(waiting[0], Package), waiting
    assert waiting[0].compartment == other
    assert waiting[0].compartment.label == "M1"


def wait_until_somebody_waits() -> None:
    """Until a connection stands at a lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")
