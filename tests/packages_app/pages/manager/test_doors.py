"""A manager plans and confirms the repair of a compartment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from lockers.models import Compartment, Location, Membership, Repair
from tests.world import door, make_location

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def location() -> Location:
    return make_location(time_zone="Asia/Kathmandu")


@pytest.fixture
def manager(location: Location) -> Client:
    user = User.objects.create_user("mary")
    Membership.objects.create(user=user, location=location)
    client = Client()
    client.force_login(user)
    return client


def page(location: Location, action: str = "") -> str:
    return f"/manage/doors/{door(location, 'S1').pk}/{action}"


def post(manager: Client, location: Location, action: str, **data: str) -> str:
    answer: Any = manager.post(page(location, action), data, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def on_the_wall(location: Location, **later: float) -> str:
    """Return the time as a browser sends it."""
    return f"{(timezone.now() + timedelta(**later)).astimezone(location.zone):%Y-%m-%dT%H:%M}"


def test_out_with_a_date_checked_and_back_at_its_date(manager: Client, location: Location) -> None:
    back = on_the_wall(location, days=2)
    text = post(manager, location, "take-out/", reason="hinge", repair_by=back)
    assert "is out of service" in text
    repair = Repair.objects.get()
    assert f"{repair.due_at.astimezone(location.zone):%Y-%m-%dT%H:%M}" == back
    assert "Repair planned" in text
    assert f"back by {back.replace('T', ' ')} {repair.due_at.astimezone(location.zone):%Z}" in text
    text = post(manager, location, "confirm-repair/")
    assert "works, and will be back in service on its date" in text
    assert "confirmed by manager:mary" in text
    assert "Confirm repair" not in text
    assert door(location, "S1").status == Compartment.Status.OUT_OF_SERVICE
    post(manager, location, "put-back/")
    assert door(location, "S1").status == Compartment.Status.AVAILABLE
    assert not Repair.objects.exists()


def test_confirmed_when_overdue_it_is_back_at_once(manager: Client, location: Location) -> None:
    post(manager, location, "take-out/", reason="hinge", repair_by=on_the_wall(location, hours=1))
    Repair.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert "overdue: nobody has confirmed the repair" in manager.get(page(location)).content.decode()
    wall = manager.get(f"/manage/locations/{location.code}/").content.decode()
    assert "Out of service" in wall
    assert "overdue" in wall
    assert "and is back in service" in post(manager, location, "confirm-repair/")
    assert door(location, "S1").status == Compartment.Status.AVAILABLE
    assert "overdue" not in manager.get(f"/manage/locations/{location.code}/").content.decode()


def test_a_date_later_on_and_another_one(manager: Client, location: Location) -> None:
    post(manager, location, "take-out/", reason="hinge")
    assert not Repair.objects.exists()
    for days in (1, 5):
        text = post(manager, location, "plan-repair/", repair_by=on_the_wall(location, days=days))
        assert "The date for compartment" in text
    assert Repair.objects.get().due_at > timezone.now() + timedelta(days=4)


@pytest.mark.parametrize(
    "when",
    [
        "yesterday",
        "tomorrow",
        "2020-01-01T10:00",
        "9999-12-31T23:59",
        "0001-01-01T00:00",
        "\x00",
        "31-02-2027",
    ],
)
def test_a_date_that_makes_no_sense_changes_nothing(manager: Client, location: Location, when: str) -> None:
    text = post(manager, location, "take-out/", reason="hinge", repair_by=when)
    assert "Nothing was changed" in text
    assert door(location, "S1").status == Compartment.Status.AVAILABLE
    post(manager, location, "take-out/", reason="hinge")
    assert "Nothing was changed" in post(manager, location, "plan-repair/", repair_by=when)
    assert "Nothing was changed" in post(manager, location, "plan-repair/")
    assert not Repair.objects.exists()


def test_an_hour_that_does_not_exist_is_refused(manager: Client, location: Location) -> None:
    Location.objects.update(time_zone="Europe/Warsaw")
    post(manager, location, "take-out/", reason="hinge")
    text = post(manager, location, "plan-repair/", repair_by="2027-03-28T02:30")
    assert "Nothing was changed. 2027-03-28 02:30:00 couldn" in text
    assert not Repair.objects.exists()


def test_what_is_in_service_has_no_date_and_nothing_to_confirm(manager: Client, location: Location) -> None:
    text = post(manager, location, "plan-repair/", repair_by=on_the_wall(location, days=1))
    assert "Nothing was changed. The compartment is in service." in text
    text = post(manager, location, "confirm-repair/")
    assert "Nothing was changed. No repair is planned for this compartment." in text


class TestAdmin:
    """Head office, for many compartments at once."""

    @pytest.fixture
    def anna(self, client: Client) -> Client:
        client.force_login(User.objects.create_superuser("anna"))
        return client

    @staticmethod
    def act(client: Client, location: Location, action: str, **more: str) -> str:
        doors = [str(door(location, label).pk) for label in ("S1", "M1")]
        data: dict[str, Any] = {"action": action, "_selected_action": doors, **more}
        answer: Any = client.post("/admin/lockers/compartment/", data, follow=True)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def test_out_planned_checked(self, anna: Client, location: Location) -> None:
        assert "Back in service by (optional)" in self.act(anna, location, "take_out_of_service")
        later = f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M}"
        self.act(anna, location, "take_out_of_service", reason="paint", repair_by="")
        assert "Back in service by" in self.act(anna, location, "plan_repair")
        assert "2 compartments planned to be back." in self.act(
            anna, location, "plan_repair", repair_by=later
        )
        listed = anna.get("/admin/lockers/compartment/", {"repair": "planned"}).content.decode()
        assert later.replace("T", " ") in listed
        assert "2 compartments confirmed to work." in self.act(anna, location, "confirm_repair")
        assert "checked by staff:anna" in anna.get("/admin/lockers/compartment/").content.decode()
        for choice, count in (("checked", 2), ("overdue", 0), ("none", 0), ("planned", 0)):
            found = anna.get("/admin/lockers/compartment/", {"repair": choice})
            assert f"{count} compartment" in found.content.decode()

    def test_refusals_are_told(self, anna: Client, location: Location) -> None:
        later = f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M}"
        assert "The compartment is in service." in self.act(anna, location, "plan_repair", repair_by=later)
        assert "No repair is planned" in self.act(anna, location, "confirm_repair")
        assert "within a year" in self.act(anna, location, "plan_repair", repair_by="2020-01-01T10:00")
        assert not Repair.objects.exists()
