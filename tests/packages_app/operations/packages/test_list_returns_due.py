"""Each morning of a location its couriers hear what they have to take back, once."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from lockers.models import Location
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from notifications.text import rendering
from packages_app import operations
from packages_app.life.lifecycle import Status
from packages_app.messaging import return_lists
from packages_app.models import Courier, Package
from tests.world import NOW, actor, door, make_courier, make_location, make_package, make_webhook

pytestmark = pytest.mark.django_db(transaction=True)

module = sys.modules[
    "packages_app.operations.packages.list_returns_due"
]  # the package's own name is the operation
TALLINN = ZoneInfo("Europe/Tallinn")


@pytest.fixture
def location() -> Location:
    return make_location(time_zone="Europe/Tallinn", name="Viru", address="Viru 4", city="Tallinn")


@pytest.fixture
def courier() -> Courier:
    courier = make_courier()
    courier.return_list_email = "back@dpd.example.com"
    courier.save()
    return courier


def left(courier: Courier, location: Location, label: str = "S1", **fields: Any) -> Package:
    """Nobody came for it."""
    return make_package(courier, door(location, label), fields.pop("status", Status.EXPIRED), **fields)


def at(hour: int, minute: int = 0, day: int = 20, zone: ZoneInfo = TALLINN) -> datetime:
    """That moment of November 2026 on the wall."""
    return datetime(2026, 11, day, hour, minute, tzinfo=zone)


def lists() -> list[tuple[str, str]]:
    return [
        (row.subject, row.dedup_key) for row in Notification.objects.filter(kind="return_list").order_by("id")
    ]


def composed() -> Message | Suppressed:
    row = Notification.objects.filter(kind="return_list").latest("id")
    return return_lists.compose([row])[row.pk]


def test_from_six_on_once_a_day(location: Location, courier: Courier) -> None:
    left(courier, location)
    looks = [at(5, 59), at(6), at(6, 5), at(23, 59), at(0, 1, day=21), at(5, 59, day=21), at(6, day=21)]
    assert [operations.list_returns_due(now=now) for now in looks] == [0, 1, 0, 0, 0, 0, 1]
    about = f"returns:{location.pk}:{courier.pk}"
    assert lists() == [(about, f"{about}:2026-11-{day}:email") for day in (20, 21)]


def test_beat_was_away_at_six(location: Location, courier: Courier) -> None:
    left(courier, location)
    assert operations.list_returns_due(now=at(9)) == 1
    assert operations.list_returns_due(now=at(9, 5)) == 0
    assert operations.list_returns_due(now=at(9, day=24)) == 1, (
        "one list, not one for each day that was missed"
    )


def test_only_if_there_is_something_and_not_later_that_day(location: Location, courier: Courier) -> None:
    assert operations.list_returns_due(now=at(6)) == 0
    left(courier, location)
    assert operations.list_returns_due(now=at(10)) == 0
    assert operations.list_returns_due(now=at(6, day=21)) == 1


def test_each_location_by_its_own_clock(courier: Courier) -> None:
    places = {
        zone: make_location(zone.replace("/", "-"), time_zone=zone)
        for zone in ("Pacific/Auckland", "Asia/Kathmandu", "Europe/Tallinn", "America/St_Johns")
    }
    late = make_location("late", time_zone="Europe/Tallinn", morning_hour=8)
    start = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
    operations.list_returns_due(now=start)  # where the morning is over, it is
    for place in (*places.values(), late):
        left(courier, place)
    told: dict[int, datetime] = {}
    for minutes in range(0, 24 * 60, 15):
        operations.list_returns_due(now=start + timedelta(minutes=minutes))
        for subject, _ in lists():
            told.setdefault(int(subject.split(":")[1]), start + timedelta(minutes=minutes))
    local = {zone: told[place.pk].astimezone(ZoneInfo(zone)) for zone, place in places.items()}
    assert {zone: f"{moment:%H:%M}" for zone, moment in local.items()} == dict.fromkeys(places, "06:00")
    assert f"{told[late.pk].astimezone(TALLINN):%H:%M}" == "08:00"
    assert len(lists()) == 5


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [
        ("Europe/Warsaw", date(2026, 3, 29), 2),  # the hour that does not exist
        ("Europe/Warsaw", date(2026, 10, 25), 2),  # the hour that comes twice
        ("America/New_York", date(2026, 3, 8), 2),
        ("America/New_York", date(2026, 11, 1), 1),
        ("Australia/Lord_Howe", date(2026, 4, 5), 1),
        ("Africa/Casablanca", date(2026, 2, 15), 3),
    ],
)
def test_once_on_days_on_which_the_clocks_change(courier: Courier, zone: str, day: date, hour: int) -> None:
    place = make_location(time_zone=zone, morning_hour=hour)
    left(courier, place)
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    day_long = [start + timedelta(minutes=15 * n) for n in range(24 * 4 - 8)]
    assert sum(operations.list_returns_due(now=now) for now in day_long) == 1


def test_each_courier_its_own(location: Location, courier: Courier) -> None:
    other = make_courier("gls")
    left(courier, location, "S1", tracking_number="T-1")
    left(courier, location, "S2", status=Status.CANCELLED, tracking_number="T-2")
    left(other, location, "M1", tracking_number="T-3")
    make_package(courier, door(location, "L1"), Status.STORED)
    make_package(courier, door(location, "L2"), Status.RETURNED)
    assert operations.list_returns_due(now=at(6)) == 1, "the other one has no address and no endpoint"
    assert len(lists()) == 1
    message = composed()
    assert isinstance(message, Message)
    assert message.to == "back@dpd.example.com"
    email = rendering.email("return_list", message)
    assert email.subject == "2 packages to take back from Viru"
    for text in (email.body, email.html):
        assert "T-1" in text
        assert "A-S1" in text
        assert "not picked up by" in text
        assert "T-2" in text
        assert "canceled" in text
        assert "T-3" not in text
        assert "Viru 4, Tallinn" in text


def test_the_list_is_that_of_the_moment_in_which_it_is_sent(location: Location, courier: Courier) -> None:
    first, second = left(courier, location, "S1"), left(courier, location, "S2")
    operations.list_returns_due(now=at(6))
    operations.return_to_courier(package_id=first.pk, by=actor(courier), now=NOW)
    message = composed()
    assert isinstance(message, Message)
    assert message.context["total"] == 1
    operations.return_to_courier(package_id=second.pk, by=actor(courier), now=NOW)
    assert composed() == Suppressed("there is nothing to take back any more")


def test_not_to_an_address_that_was_taken_away_and_not_from_a_sandbox(
    location: Location, courier: Courier
) -> None:
    left(courier, location)
    operations.list_returns_due(now=at(6))
    Location.objects.update(sandbox=True)
    assert composed() == Suppressed("sandbox")
    Location.objects.update(sandbox=False)
    Courier.objects.update(return_list_email="")
    assert composed() == Suppressed("the courier no longer has an address for it")


def test_a_long_list_is_cut_and_says_so(
    location: Location, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(return_lists, "MOST_LINES", 2)
    make_webhook(courier)
    for label in ("S1", "S2", "M1"):
        left(courier, location, label)
    operations.list_returns_due(now=at(6))
    message = composed()
    assert isinstance(message, Message)
    email = rendering.email("return_list", message)
    assert email.subject.startswith("3 packages")
    assert "and 1 more" in email.body
    data = Notification.objects.get(kind="returns.list").context["data"]
    assert (data["total"], len(data["packages"])) == (3, 2)


def test_the_endpoint_gets_the_same_list(location: Location) -> None:
    courier = make_courier("gls")
    endpoint = make_webhook(courier)
    package = left(courier, location)
    assert operations.list_returns_due(now=at(6)) == 1
    (row,) = Notification.objects.filter(channel="webhook")
    assert (row.kind, row.subject, row.queue) == (
        "returns.list",
        endpoint.destination_id,
        f"returns:{location.pk}",
    )
    assert package.expires_at is not None
    assert row.context["data"] == {
        "location": "TLL-1",
        "name": "Viru",
        "day": "2026-11-20",
        "total": 1,
        "packages": [
            {
                "id": str(package.pk),
                "tracking_number": package.tracking_number,
                "status": "EXPIRED",
                "compartment": {
                    "id": package.compartment_id,
                    "locker": "A",
                    "label": "S1",
                    "size": "SMALL",
                },
                "since": "2026-11-23T12:00:00Z",
            }
        ],
    }


def test_killed_between_two_locations(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [make_location(f"P{n}") for n in range(4)]
    for place in places:
        left(courier, place)
    real, calls = module._list, iter(range(9))

    def killed(**arguments: Any) -> int:
        if next(calls) == 2:
            raise KeyboardInterrupt
        result: int = real(**arguments)
        return result

    monkeypatch.setattr(module, "_list", killed)
    with pytest.raises(KeyboardInterrupt):
        operations.list_returns_due(now=at(12))
    assert len(lists()) == 2
    assert operations.list_returns_due(now=at(12, 5)) == 2
    assert len({subject for subject, _ in lists()}) == len(lists()) == 4


def test_an_hour_that_no_day_has_is_refused() -> None:
    location = make_location()
    location.morning_hour = 24
    with pytest.raises(ValidationError):
        location.full_clean()


def test_the_list_is_in_the_courier_s_language(location: Location, courier: Courier) -> None:
    left(courier, location)
    courier.language = "lt"
    courier.save()
    operations.list_returns_due(now=at(7))
    message = composed()
    assert isinstance(message, Message)
    assert message.language == "lt"
