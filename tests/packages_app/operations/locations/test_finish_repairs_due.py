"""Doors come back at their date once they were checked; else managers are reminded, once a day."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from common.actor import Actor
from lockers import errors
from lockers import operations as service
from lockers.models import Compartment, CompartmentEvent, Location, Repair
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from notifications.text import rendering
from packages_app import operations
from packages_app.messaging import repairs
from packages_app.operations.locations.report_fault import Fault
from tests import factories
from tests.world import actor, door, make_courier, make_location

pytestmark = pytest.mark.django_db(transaction=True)

module = sys.modules[
    "packages_app.operations.locations.finish_repairs_due"
]  # the package's own name is the operation
TALLINN = ZoneInfo("Europe/Tallinn")
HOUR = timedelta(hours=1)
ALL = Compartment.objects.all


def at(hour: int, minute: int = 0, day: int = 20) -> datetime:
    """That moment of November 2026 on the wall in Tallinn."""
    return datetime(2026, 11, day, hour, minute, tzinfo=TALLINN)


DUE = at(12)


@pytest.fixture
def location() -> Location:
    return make_location(time_zone="Europe/Tallinn", name="Viru")


@pytest.fixture
def manager(location: Location) -> User:
    user: User = factories.UserFactory.create(username="mary", manages=[location])
    return user


def take_out(location: Location, label: str = "S1", *, due: datetime | None = DUE) -> Compartment:
    """The hinge is bent."""
    found = door(location, label)
    return service.take_out_of_service(
        compartments=ALL(),
        compartment_id=found.pk,
        by=Actor("manager:mary"),
        reason="hinge",
        now=at(8),
        repair_by=due,
    )


def check(compartment: Compartment, now: datetime) -> None:
    service.confirm_repair(
        compartments=ALL(), compartment_id=compartment.pk, by=Actor("manager:mary"), now=now
    )


def state(compartment: Compartment) -> str:
    return str(Compartment.objects.get(pk=compartment.pk).status)


def kinds(compartment: Compartment) -> list[str]:
    return list(
        CompartmentEvent.objects.filter(compartment=compartment).order_by("id").values_list("kind", flat=True)
    )


def mails() -> list[str]:
    rows = Notification.objects.filter(kind="repair_overdue").order_by("id")
    return [row.dedup_key.split(":")[2] for row in rows]


def test_checked_in_time_it_is_back_at_its_date_and_not_before(location: Location, manager: User) -> None:
    s1 = take_out(location)
    check(s1, at(10))
    assert operations.finish_repairs_due(now=at(11, 59)) == 0
    assert state(s1) == "out_of_service"
    assert operations.finish_repairs_due(now=DUE) == 1
    assert state(s1) == "available"
    assert operations.finish_repairs_due(now=at(12, 1)) == 0
    assert kinds(s1) == ["taken_out", "repair_planned", "repair_checked", "put_back"]
    assert CompartmentEvent.objects.latest("id").by == "system"
    assert mails() == []


def test_what_lies_in_it_is_another_matter(location: Location) -> None:
    Compartment.objects.update(occupancy="unverified")
    s1 = take_out(location)
    check(s1, at(10))
    operations.finish_repairs_due(now=DUE)
    assert state(s1) == "unverified"


def test_unchecked_it_stays_out_and_managers_hear_once_a_day(location: Location, manager: User) -> None:
    s1 = take_out(location)
    looks = [
        at(11),
        DUE,
        at(12, 1),
        at(23, 59),
        at(5, 59, day=21),
        at(6, day=21),
        at(20, day=21),
        at(7, day=22),
    ]
    assert [operations.finish_repairs_due(now=now) for now in looks] == [0, 1, 0, 0, 0, 1, 0, 1]
    assert mails() == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert state(s1) == "out_of_service"
    check(s1, at(8, day=22))
    assert state(s1) == "available", "at once: its date has passed"
    assert operations.finish_repairs_due(now=at(9, day=23)) == 0


def test_all_doors_of_a_location_in_one_mail_to_each_manager(location: Location, manager: User) -> None:
    factories.UserFactory.create(manages=[location])
    factories.UserFactory.create(manages=[location], email="")
    factories.UserFactory.create(manages=[location], is_active=False)
    elsewhere = make_location("RIX", time_zone="Europe/Tallinn")
    for label in ("S1", "M1"):
        take_out(location, label)
    take_out(location, "L1", due=at(13))
    take_out(location, "L2", due=None)
    take_out(elsewhere)
    assert operations.finish_repairs_due(now=DUE) == 3
    rows = Notification.objects.filter(subject=f"repairs:{location.pk}:{manager.pk}")
    assert Notification.objects.filter(kind="repair_overdue").count() == 2
    message = repairs.compose(list(rows))[rows[0].pk]
    assert isinstance(message, Message)
    assert message.to == "mary@example.com"
    email = rendering.email("repair_overdue", message)
    for text in (email.body, email.html):
        assert "A-S1" in text
        assert "A-M1" in text
        assert "hinge" in text
        assert "12:00" in text


def test_a_mail_whose_reason_has_gone_is_not_sent(location: Location, manager: User) -> None:
    s1 = take_out(location)
    operations.finish_repairs_due(now=DUE)
    (row,) = Notification.objects.filter(kind="repair_overdue")
    Location.objects.update(sandbox=True)
    assert repairs.compose([row])[row.pk] == Suppressed("sandbox")
    Location.objects.update(sandbox=False)
    check(s1, at(13))
    assert repairs.compose([row])[row.pk] == Suppressed("nothing is overdue any more")
    User.objects.update(is_active=False)
    assert repairs.compose([row])[row.pk] == Suppressed("the manager is gone")


def test_another_date_begins_anew(location: Location, manager: User) -> None:
    s1 = take_out(location)
    operations.finish_repairs_due(now=DUE)
    service.plan_repair(
        compartments=ALL(),
        compartment_id=s1.pk,
        by=Actor("manager:mary"),
        repair_by=at(12, day=23),
        now=timezone.now(),
    )
    assert operations.finish_repairs_due(now=at(12, day=22)) == 0
    assert operations.finish_repairs_due(now=at(12, day=23)) == 1
    assert mails() == ["2026-11-20", "2026-11-23"]


def test_a_new_fault_after_the_check_counts(location: Location) -> None:
    """What was seen to work has broken again: it must not go back by itself."""
    s1 = take_out(location)
    check(s1, at(10))
    operations.report_fault(
        compartments=ALL(), compartment_id=s1.pk, by=actor(make_courier()), now=at(11), fault=Fault.DAMAGED
    )
    operations.finish_repairs_due(now=DUE)
    assert state(s1) == "out_of_service"


def test_a_repeat_plans_nothing_twice(location: Location) -> None:
    for _ in range(2):
        s1 = take_out(location)
    assert kinds(s1) == ["taken_out", "repair_planned"]


def test_put_back_by_hand_ends_the_plan(location: Location, manager: User) -> None:
    s1 = take_out(location)
    service.put_back_in_service(
        compartments=ALL(), compartment_id=s1.pk, by=Actor("manager:mary"), now=timezone.now()
    )
    assert not Repair.objects.exists()
    assert operations.finish_repairs_due(now=DUE) == 0
    with pytest.raises(errors.NoRepairPlanned):
        check(s1, DUE)
    with pytest.raises(errors.NotOutOfService):
        service.plan_repair(
            compartments=ALL(),
            compartment_id=s1.pk,
            by=Actor("manager:mary"),
            repair_by=DUE,
            now=timezone.now(),
        )


def test_foreign_doors_do_not_exist(location: Location) -> None:
    s1 = take_out(location)
    nobody = Compartment.objects.none()
    with pytest.raises(errors.UnknownCompartment):
        service.plan_repair(
            compartments=nobody, compartment_id=s1.pk, by=Actor("x"), repair_by=DUE, now=timezone.now()
        )
    with pytest.raises(errors.UnknownCompartment):
        service.confirm_repair(compartments=nobody, compartment_id=s1.pk, by=Actor("x"), now=DUE)


def test_killed_between_two_doors_and_two_locations(
    location: Location, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_location("RIX", time_zone="Europe/Tallinn")
    factories.UserFactory.create(manages=[other])
    for place in (location, other):
        check(take_out(place, "S1"), at(9))
        take_out(place, "S2")
    real, calls = module._remind, iter(range(9))

    def killed(**arguments: Any) -> int:
        if next(calls) == 1:
            raise KeyboardInterrupt
        result: int = real(**arguments)
        return result

    monkeypatch.setattr(module, "_remind", killed)
    with pytest.raises(KeyboardInterrupt):
        operations.finish_repairs_due(now=DUE)
    assert len(mails()) == 1
    assert operations.finish_repairs_due(now=DUE) == 1
    assert len(mails()) == 2
    assert Compartment.objects.filter(label="S1", out_of_service_at__isnull=True).count() == 2
