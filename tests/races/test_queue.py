"""Many wait, few doors become free: in their order, and nobody who did not wait goes before them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from lockers.models import Compartment, Location, Size
from packages_app import operations
from packages_app.errors import NotWaiting
from packages_app.models import Courier, Package, QueueEntry, Recipient
from packages_app.rules import queueing
from packages_app.sql import drop_off
from tests.races.together import assert_sound, bring, in_rounds, kinds, together
from tests.world import actor, door, make_location

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

THREADS = 16
Waiting = QueueEntry.Status


@pytest.fixture
def full(courier: Courier) -> Location:
    """Three small doors and a medium one, each with somebody's parcel in it."""
    location = make_location("FULL-1", small=3, medium=1, large=0)
    for number in range(4):
        bring(courier, location, f"OLD-{number}")
    return location


def wait_for_a_door(courier: Courier, location: Location, number: str, size: Size = Size.SMALL) -> Any:
    """A drop-off that waits where it must."""
    return operations.assign_or_wait(
        by=actor(courier),
        now=timezone.now(),
        location=location.code,
        tracking_number=number,
        size=size,
        recipient=Recipient(name="Mari", email="mari@example.com"),
    )


def take_out(courier: Courier, *numbers: str) -> None:
    """These are gone, and their doors are free."""
    for package in Package.objects.in_door().filter(tracking_number__in=numbers):
        if package.status == "PENDING":
            operations.deposit(package_id=package.pk, by=actor(courier), now=timezone.now())
        operations.cancel(package_id=package.pk, by=actor(courier), now=timezone.now())
        operations.return_to_courier(package_id=package.pk, by=actor(courier), now=timezone.now())


def refill(courier: Courier, location: Location, round_: int) -> None:
    """Nobody waits, and each compartment contains a package of this round, OLD-<round>-<number>."""
    for entry in QueueEntry.objects.waiting():
        operations.leave_queue(entry_id=entry.pk, by=actor(courier), now=timezone.now())
    take_out(courier, *Package.objects.in_door().values_list("tracking_number", flat=True))
    for number in range(4):
        bring(courier, location, f"OLD-{round_}-{number}")


def in_order() -> list[QueueEntry]:
    """Who came, in the order in which they came."""
    return list(QueueEntry.objects.order_by("created_at", "id"))


def grant() -> int:
    """What beat does."""
    return operations.grant_due(now=timezone.now())


def test_sixteen_wait_for_three_doors(courier: Courier, full: Location) -> None:
    """All at once; three doors become free at once, while two jobs grant: the first three, by their order."""
    entries = together(*(partial(wait_for_a_door, courier, full, f"T-{number}") for number in range(THREADS)))
    assert kinds(entries) == {"ok": THREADS}
    assert len(in_order()) == THREADS
    assert sorted(one.position or 0 for one in in_order()) == list(range(1, THREADS + 1))
    together(
        *(partial(take_out, courier, f"OLD-{number}") for number in range(3)),
        *[grant] * 4,
    )
    grant()
    assert [one.status for one in in_order()] == ["GRANTED"] * 3 + ["WAITING"] * (THREADS - 3)
    doors = Package.objects.in_door().filter(status="PENDING").values_list("compartment_id", flat=True)
    assert len(set(doors)) == 3
    assert_sound()


def test_no_more_than_may_wait(courier: Courier, full: Location, settings: Settings) -> None:
    settings.QUEUE_MOST_WAITING = 5
    entries = together(*(partial(wait_for_a_door, courier, full, f"T-{number}") for number in range(THREADS)))
    assert kinds(entries) == {"ok": 5, "TooManyWaiting": THREADS - 5}
    assert QueueEntry.objects.count() == 5
    assert_sound()


def test_nobody_jumps_the_queue(courier: Courier, full: Location) -> None:
    """Doors become free, jobs grant, and others come to the counter all the time: they get what is left."""
    queue = [f"Q-{number}" for number in range(4)]

    def prepare(round_: int) -> None:
        grant()  # what was freed last in the round before
        refill(courier, full, round_)
        for name in queue:
            wait_for_a_door(courier, full, f"{name}-{round_}")

    def work(round_: int, thread: int) -> Any:
        time.sleep(random.uniform(0, 0.02))
        if thread < 3:
            return take_out(courier, f"OLD-{round_}-{thread}")
        if thread == 3:
            return grant()
        return bring(courier, full, f"J-{round_}-{thread}")

    for one in in_rounds(8, 12, prepare=prepare, work=work):
        # Those who took out, and the job; nobody at the counter.
        assert kinds(one) == {"ok": 4, "LocationFull": 4}, one
    grant()
    for round_ in range(12):
        mine = [entry.status for entry in in_order() if entry.tracking_number.endswith(f"-{round_}")]
        assert mine == ["GRANTED"] * 3 + ["WAITING" if round_ == 11 else "LEFT"]
    assert_sound()


def test_what_is_left_is_for_who_comes(courier: Courier, full: Location) -> None:
    """Two wait, four doors become free: of eight who come at once, two get one, and nobody a false "full"."""
    for number in range(2):
        wait_for_a_door(courier, full, f"Q-{number}")
    take_out(courier, *(f"OLD-{number}" for number in range(4)))
    results = together(*(partial(bring, courier, full, f"J-{number}") for number in range(8)))
    assert kinds(results) == {"ok": 2, "LocationFull": 6}
    assert [one.status for one in in_order()] == ["GRANTED"] * 2
    assert_sound()


def test_four_jobs_at_once_grant_each_door_once(courier: Courier, full: Location) -> None:
    def prepare(round_: int) -> None:
        refill(courier, full, round_)
        for number in range(5):
            wait_for_a_door(courier, full, f"Q-{number}-{round_}")
        take_out(courier, *(f"OLD-{round_}-{number}" for number in range(3)))

    results = in_rounds(4, 10, prepare=prepare, work=lambda round_, thread: grant())
    for one in results:
        granted: list[Any] = list(one)
        assert 1 <= sum(granted) <= 3
    grant()
    for round_ in range(10):
        mine = [entry.status for entry in in_order() if entry.tracking_number.endswith(f"-{round_}")]
        assert mine == sorted(mine)  # GRANTED, then LEFT or WAITING: nobody was overtaken
    assert Package.objects.filter(status="PENDING").count() == 3
    assert_sound()


def test_leaving_and_being_granted_at_once(courier: Courier, full: Location) -> None:
    """One of the two happens, and the next is served either way."""
    for round_ in range(15):
        refill(courier, full, round_)
        first = wait_for_a_door(courier, full, f"A-{round_}")
        second = wait_for_a_door(courier, full, f"B-{round_}")
        take_out(courier, f"OLD-{round_}-0")
        left, _ = together(
            partial(operations.leave_queue, entry_id=first.pk, by=actor(courier), now=timezone.now()), grant
        )
        grant()
        first.refresh_from_db()
        second.refresh_from_db()
        was_late = isinstance(left, NotWaiting)
        assert (first.status, second.status) == (
            (Waiting.GRANTED, Waiting.WAITING) if was_late else (Waiting.LEFT, Waiting.GRANTED)
        )
    assert_sound()


def test_the_same_number_in_sixteen_threads_waits_once(courier: Courier, full: Location) -> None:
    results = together(*[partial(wait_for_a_door, courier, full, "T-1")] * THREADS)
    assert kinds(results) == {"ok": 1, "DuplicateTrackingNumber": THREADS - 1}
    assert Recipient.objects.filter(queue_entry__isnull=False).count() == 1
    assert_sound()


def test_waiting_and_dropped_off_elsewhere_at_once(courier: Courier, full: Location) -> None:
    """A door is granted to it while it gets one at another location: it holds one of them."""
    other = make_location("ROOM-1", small=20, medium=0, large=0)
    for round_ in range(10):
        refill(courier, full, round_)
        wait_for_a_door(courier, full, f"T-{round_}")
        take_out(courier, f"OLD-{round_}-0")
        results = together(partial(bring, courier, other, f"T-{round_}"), grant)
        assert set(kinds(results)) <= {"ok", "DuplicateTrackingNumber"}, results
        grant()
        assert Package.objects.in_door().filter(tracking_number=f"T-{round_}").count() == 1
        assert QueueEntry.objects.get(tracking_number=f"T-{round_}").status != Waiting.WAITING
    assert_sound()


KILLED = """
import os, django
django.setup()
from django.utils import timezone
import importlib
module = importlib.import_module("packages_app.operations.queue.grant_due")
def announce(**_):
    print("granted, not committed", flush=True)
    import time; time.sleep(60)
module.announce = announce
module.grant_due(now=timezone.now())
"""


def test_a_job_killed_in_mid_grant_loses_nothing(courier: Courier, full: Location) -> None:
    """A real process, with the door and the entry in its hands and nothing committed."""
    for number in range(2):
        wait_for_a_door(courier, full, f"T-{number}")
    take_out(courier, "OLD-0")
    where = settings.DATABASES["default"] | {"NAME": connection.settings_dict["NAME"]}
    address = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**where)
    job = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED)],
        env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "lockerportal.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert job.stdout is not None
    assert job.stdout.readline() == "granted, not committed\n"
    assert grant() == 0  # it holds both, and nobody waits for it
    job.send_signal(signal.SIGKILL)
    job.communicate()
    for _ in range(100):
        if grant():
            break
        time.sleep(0.1)
    assert [one.status for one in in_order()] == ["GRANTED", "WAITING"]
    assert Package.objects.filter(queue_entry__isnull=False).count() == 1
    assert_sound()


def test_without_the_rule_the_queue_is_jumped(
    courier: Courier, full: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, the tests above prove nothing: they could not find a jump if it were there."""
    monkeypatch.setattr(queueing, "unclaimed", lambda doors, location_id, strategy: doors)
    drop_off.assign.cache_clear()
    try:
        wait_for_a_door(courier, full, "Q-0")
        take_out(courier, "OLD-0")
        assert bring(courier, full, "J-0").compartment_id == door(full, "S1").pk
    finally:
        drop_off.assign.cache_clear()
    assert Compartment.objects.free().count() == 0
