"""Managers hear of sizes with hardly a free door, and of packages that should have been taken out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from lockers.models import Compartment, Location, Membership, Shortage
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app import operations, tasks
from packages_app.life.lifecycle import Status
from packages_app.messaging.locations import compose_location
from packages_app.models import Courier, Package
from tests.world import NOW, door, make_location, make_package

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def location() -> Location:
    return make_location(small=20, medium=2, large=1, time_zone="Europe/Tallinn")


@pytest.fixture(autouse=True)
def mia(location: Location) -> User:
    """The manager."""
    user = User.objects.create_user("mia", email="mia@example.com")
    Membership.objects.create(user=user, location=location)
    return user


def fill(location: Location, size: int, *, free: int) -> None:
    doors = Compartment.objects.filter(location=location, size=size).order_by("position")
    doors.update(occupancy="occupied")
    doors.filter(pk__in=[row.pk for row in doors[:free]]).update(occupancy="empty")


def told(kind: str) -> int:
    return Notification.objects.filter(kind=kind).count()


def sent(kind: str) -> Message | Suppressed:
    row = Notification.objects.filter(kind=kind).latest("id")
    return compose_location([row])[row.pk]


class TestNearlyFull:
    kind = "location_nearly_full"

    def test_below_the_share_and_not_at_it(self, location: Location) -> None:
        fill(location, 1, free=2)
        assert operations.notice_shortages_due(now=NOW) == 0
        fill(location, 1, free=1)
        assert operations.notice_shortages_due(now=NOW) == 1
        assert operations.notice_shortages_due(now=NOW) == 0
        assert told(self.kind) == 1
        message = sent(self.kind)
        assert isinstance(message, Message)
        assert message.to == "mia@example.com"
        sizes = message.context["sizes"]
        assert isinstance(sizes, list)
        assert [(one["label"], one["available"], one["total"]) for one in sizes] == [("Small", 1, 20)]

    def test_doors_that_come_and_go_at_the_edge_are_no_news(self, location: Location) -> None:
        for day, free in enumerate((1, 2, 1, 3, 1, 2)):
            fill(location, 1, free=free)
            operations.notice_shortages_due(now=NOW + day * DAY)
        assert Shortage.objects.count() == 1
        fill(location, 1, free=4)
        assert operations.notice_shortages_due(now=NOW + 7 * DAY) == 0
        assert Shortage.objects.open().count() == 0
        fill(location, 1, free=0)
        assert operations.notice_shortages_due(now=NOW + 8 * DAY) == 1
        assert told(self.kind) == 2

    def test_at_most_once_a_day(self, location: Location) -> None:
        for hours in range(0, 8, 2):
            fill(location, 1, free=0)
            operations.notice_shortages_due(now=NOW + hours * HOUR)
            fill(location, 1, free=20)
            operations.notice_shortages_due(now=NOW + (hours + 1) * HOUR)
        assert Shortage.objects.count() == 4
        assert told(self.kind) == 1
        fill(location, 1, free=0)
        # 22:00 in UTC is the next day in Tallinn.
        operations.notice_shortages_due(now=NOW + 10 * HOUR)
        assert told(self.kind) == 2

    def test_several_sizes_are_one_message(self, location: Location) -> None:
        fill(location, 1, free=0)
        fill(location, 3, free=0)
        assert operations.notice_shortages_due(now=NOW) == 2
        assert told(self.kind) == 1
        fill(location, 2, free=0)
        operations.notice_shortages_due(now=NOW + HOUR)
        assert told(self.kind) == 2

    def test_room_again_before_it_is_sent(self, location: Location) -> None:
        fill(location, 1, free=0)
        operations.notice_shortages_due(now=NOW)
        fill(location, 1, free=20)
        operations.notice_shortages_due(now=NOW)
        assert sent(self.kind) == Suppressed("there are enough available compartments again")

    @pytest.mark.parametrize("state", [{"suspended_at": NOW, "suspended_reason": "x"}, {"sandbox": True}])
    def test_not_where_no_packages_are_taken(self, location: Location, state: dict[str, object]) -> None:
        Location.objects.filter(pk=location.pk).update(**state)
        fill(location, 1, free=0)
        assert operations.notice_shortages_due(now=NOW) == 0

    def test_the_job(self, location: Location) -> None:
        fill(location, 1, free=0)
        assert tasks.notice_shortages() == 1
        assert tasks.notice_shortages() == 0


class TestOverdue:
    kind = "packages_overdue_for_return"

    @pytest.fixture
    def overdue(self, location: Location, courier: Courier) -> Package:
        return make_package(courier, door(location, "S1"), Status.EXPIRED, expires_at=NOW - 3 * DAY)

    def test_once_a_day_from_the_morning_on(self, location: Location, overdue: Package) -> None:
        night = NOW.replace(hour=22)  # midnight in Tallinn
        for hours, expected in ((0, 0), (5, 0), (6, 1), (12, 1), (23, 1), (29, 1), (30, 2)):
            operations.notice_late_returns_due(now=night + hours * HOUR)
            assert told(self.kind) == expected, hours

    def test_only_what_waits_for_long(self, location: Location, courier: Courier) -> None:
        young = make_package(courier, door(location, "S1"), Status.EXPIRED, expires_at=NOW - 2 * DAY)
        make_package(
            courier, door(location, "S2"), Status.CANCELLED, expires_at=NOW - 9 * DAY, cancelled_at=NOW - DAY
        )
        make_package(courier, door(location, "S3"), Status.RETURNED, expires_at=NOW - 9 * DAY)
        make_package(courier, door(location, "S4"))
        assert operations.notice_late_returns_due(now=NOW) == 0
        assert operations.notice_late_returns_due(now=NOW + DAY) == 1
        assert operations.notice_late_returns_due(now=NOW + DAY) == 0
        assert young.status == Status.EXPIRED

    def test_what_is_said(self, location: Location, courier: Courier, overdue: Package) -> None:
        for number in range(2, 21):
            make_package(
                courier, door(location, f"S{number}"), Status.EXPIRED, expires_at=NOW - (3 + number) * DAY
            )
        make_package(courier, door(location, "M1"), Status.CANCELLED, cancelled_at=NOW - 99 * DAY)
        operations.notice_late_returns_due(now=NOW)
        message = sent(self.kind)
        assert isinstance(message, Message)
        assert (message.context["count"], message.context["more"]) == (21, 1)
        listed = message.context["packages"]
        assert isinstance(listed, list)
        assert (len(listed), listed[0]["compartment"], listed[0]["courier_name"]) == (20, "A-M1", "DPD")
        assert str(listed[0]["since"].tzinfo) == "Europe/Tallinn"

    def test_taken_out_before_it_is_sent(self, location: Location, overdue: Package) -> None:
        operations.notice_late_returns_due(now=NOW)
        Package.objects.update(status=Status.RETURNED, returned_at=NOW, released_at=NOW, code_mac=None)
        assert sent(self.kind) == Suppressed("they have been taken out")

    def test_nobody_to_tell(self, location: Location, overdue: Package) -> None:
        User.objects.update(is_active=False)
        assert operations.notice_late_returns_due(now=NOW) == 0
        assert told(self.kind) == 0
