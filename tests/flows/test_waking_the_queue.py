"""Whatever frees a compartment wakes the queue: who waits is served at once, without Celery beat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Value
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from common import wakeup
from lockers import layout
from lockers.models import Compartment, Location, Membership, Repair
from packages_app import operations, tasks
from packages_app.models import QueueEntry
from tests.world import actor, door, make_courier, make_location, make_package, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)

Occupancy, Status = Compartment.Occupancy, QueueEntry.Status
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A worker that runs the job when it is woken, and never otherwise. Returns what each run granted."""
    settings.NOTIFICATION_NUDGE = False
    runs: list[int] = []

    def grant() -> None:
        assert not connection.in_atomic_block, "woken before the commit"
        runs.append(tasks.grant_doors())

    monkeypatch.setattr(wakeup, "_grant_queue", grant)
    return runs


@pytest.fixture
def location() -> Location:
    """One small compartment."""
    return make_location(small=1, medium=0, large=0)


@pytest.fixture
def entry(location: Location) -> QueueEntry:
    """A parcel that waits for the compartment."""
    return QueueEntry.objects.create(
        courier=make_courier("ups"),
        tracking_number="WAITS",
        location=location,
        recipient=make_recipient(),
        size=1,
        expires_at=timezone.now() + HOUR,
        reserve_minutes=15,
    )


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("anna"))
    return client


@pytest.fixture
def manager(client: Client, location: Location) -> Client:
    user = User.objects.create_user("mary")
    Membership.objects.create(user=user, location=location)
    client.force_login(user)
    return client


def break_it(location: Location, *, repair_at: float | None = None, checked: bool = False) -> Compartment:
    """Take the compartment out of service, back at so many hours from now."""
    compartment = door(location, "S1")
    now = timezone.now()
    compartment.take_out_of_service(by="mary", reason="hinge", now=now)
    if repair_at is not None:
        Repair.objects.create(
            compartment=compartment,
            due_at=now + repair_at * HOUR,
            checked_at=now if checked else None,
            checked_by="mary" if checked else "",
        )
    return compartment


def make_unverified(location: Location) -> Compartment:
    compartment = door(location, "S1")
    compartment.mark_unverified(by="mary", reason="drop-off canceled")
    return compartment


def choose(client: Client, action: str, compartment: Compartment) -> None:
    """Run an action of the admin's list."""
    data = {"action": action, "_selected_action": [compartment.pk]}
    client.post(reverse("admin:lockers_compartment_changelist"), data)


def is_granted(entry: QueueEntry) -> bool:
    entry.refresh_from_db()
    return entry.status == Status.GRANTED


def test_put_back_in_the_admin(staff: Client, location: Location, entry: QueueEntry) -> None:
    choose(staff, "put_back_in_service", break_it(location))
    assert is_granted(entry)


def test_confirmed_as_empty_in_the_admin(staff: Client, location: Location, entry: QueueEntry) -> None:
    choose(staff, "confirm_empty", make_unverified(location))
    assert is_granted(entry)


def test_late_repair_confirmed_in_the_admin(staff: Client, location: Location, entry: QueueEntry) -> None:
    choose(staff, "confirm_repair", break_it(location, repair_at=-1))
    assert is_granted(entry)


def test_late_repair_confirmed_by_the_manager(manager: Client, location: Location, entry: QueueEntry) -> None:
    compartment = break_it(location, repair_at=-1)
    manager.post(reverse("manage:confirm_repair", args=[compartment.pk]))
    assert is_granted(entry)


@pytest.mark.parametrize("page", ["put_back", "confirm_empty"])
def test_freed_by_the_manager(manager: Client, location: Location, entry: QueueEntry, page: str) -> None:
    compartment = break_it(location) if page == "put_back" else make_unverified(location)
    manager.post(reverse(f"manage:{page}", args=[compartment.pk]))
    assert is_granted(entry)


def test_repaired_at_its_date(location: Location, entry: QueueEntry) -> None:
    break_it(location, repair_at=-1, checked=True)
    assert tasks.repairs() == 1
    assert is_granted(entry)


@pytest.mark.parametrize("broken", [break_it, make_unverified])
def test_the_sandbox_is_tidied(
    location: Location, entry: QueueEntry, broken: Callable[[Location], Compartment]
) -> None:
    Location.objects.update(sandbox=True)
    broken(location)
    tasks.tidy_sandbox()
    assert is_granted(entry)


def test_a_return(location: Location, entry: QueueEntry) -> None:
    courier = make_courier()
    package = make_package(courier, door(location, "S1"))
    operations.cancel(package_id=package.pk, by=actor(courier), now=timezone.now())
    assert not is_granted(entry)
    operations.return_to_courier(package_id=package.pk, by=actor(courier), now=timezone.now())
    assert is_granted(entry)


def test_a_location_takes_packages_again(manager: Client, location: Location, entry: QueueEntry) -> None:
    manager.post(reverse("manage:suspend", args=[location.code]), {"reason": "flood"})
    tasks.grant_doors()
    assert not is_granted(entry)
    manager.post(reverse("manage:resume", args=[location.code]))
    assert is_granted(entry)


def test_another_cabinet(location: Location, entry: QueueEntry) -> None:
    make_unverified(location)
    with transaction.atomic():
        layout.extend(location, layout.parse("1/0/0"))
    assert is_granted(entry)


def test_a_change_in_bulk(location: Location, entry: QueueEntry, worker: list[int]) -> None:
    make_unverified(location)
    compartments = Compartment.objects.filter(location=location)
    compartments.update(occupancy=Occupancy.OCCUPIED)
    compartments.update(position=F("position") + 1)
    compartments.filter(label="none").update(occupancy=Occupancy.EMPTY)
    assert worker == []
    compartments.update(occupancy=Value("empty"))
    assert is_granted(entry)


def test_what_is_not_free_wakes_nobody(location: Location, entry: QueueEntry, worker: list[int]) -> None:
    compartment = make_unverified(location)
    compartment.take_out_of_service(by="mary", reason="hinge", now=timezone.now())
    compartment.confirm_empty(by="mary")  # it is still out of service
    compartment.mark_unverified(by="mary", reason="not empty")
    compartment.put_back_in_service(by="mary")  # and nobody has looked inside again
    assert worker == []
    compartment.confirm_empty(by="mary")
    assert worker == [1]


def test_a_change_that_is_rolled_back_wakes_nobody(
    location: Location, entry: QueueEntry, worker: list[int]
) -> None:
    compartment = make_unverified(location)
    with transaction.atomic():
        compartment.confirm_empty(by="mary")
        transaction.set_rollback(True)
    assert worker == []
