"""The jobs about whole locations and erasure: four at once, and killed with SIGKILL, do everything once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from common.clock import database_now
from lockers import usage
from lockers.models import Compartment, Downtime, Kiosk, Location, Shortage, UsageSnapshot
from notifications.models import Notification
from packages_app import operations
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package, PackageEvent, Recipient, WeekAtLocation
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.rules import weekly_figures
from tests.factories import UserFactory
from tests.races.test_killed import killed_again_and_again, moment
from tests.races.together import assert_sound, bring, kinds, together
from tests.world import NOW, caller, code_of, door, make_kiosk, make_location, make_package

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = NOW - timedelta(days=4)  # at noon


def four(work: Callable[[], Any]) -> int:
    """Four at once; the sum of what each says that it did."""
    results = together(*[work] * 4)
    assert kinds(results) == {"ok": 4}, results
    return sum(int(one) for one in results if not isinstance(one, Exception))


@pytest.fixture
def places(transactional_db: None) -> list[Location]:
    """Each with a manager, a silent kiosk, hardly a free door."""
    made = [make_location(f"L-{n}", small=2, medium=0, large=0, morning_hour=0) for n in range(12)]
    for place in made:
        make_kiosk(place)
        UserFactory.create(manages=[place])
    return made


def told(kind: str) -> int:
    rows = Notification.objects.filter(kind=kind)
    assert rows.count() == rows.values("subject").distinct().count()
    return rows.count()


class TestFourAtOnce:
    def test_silence(self, places: list[Location], courier: Courier) -> None:
        for place in places:
            bring(courier, place, place.code)
        now = database_now()
        Kiosk.objects.update(last_seen_at=now - HOUR)
        assert four(partial(operations.notice_silence_due, now=now)) == len(places)
        assert Downtime.objects.count() == len(places) == told("location_silent")
        assert PackageEvent.objects.filter(event="hold_stopped").count() == len(places)
        assert_sound()

    def test_shortages(self, places: list[Location]) -> None:
        Compartment.objects.update(occupancy="unverified")
        assert four(partial(operations.notice_shortages_due, now=NOW)) == len(places)
        assert Shortage.objects.count() == len(places) == told("location_nearly_full")

    def test_overdue_returns(self, places: list[Location], courier: Courier) -> None:
        for place in places:
            make_package(courier, door(place, "S1"), Status.EXPIRED, expires_at=NOW - 4 * DAY)
        four(partial(operations.notice_late_returns_due, now=NOW))
        assert told("packages_overdue_for_return") == len(places)

    def test_snapshots_weeks_and_reports(self, places: list[Location]) -> None:
        assert four(partial(usage.take_snapshots, now=NOW)) == len(places)
        assert UsageSnapshot.objects.count() == len(places)
        assert four(partial(weekly_figures.count_weeks, now=MONDAY, batch=3)) == len(places)
        assert WeekAtLocation.objects.count() == len(places)
        four(partial(operations.send_reports_due, now=MONDAY))
        assert told("weekly_report") == len(places)

    def test_erasure(self, location: Location, courier: Courier) -> None:
        collect(location, courier, 10)
        assert four(partial(operations.erase_due, now=database_now() + 31 * DAY, batch=7)) == 10
        assert not Recipient.objects.filter(erased_at=None).exists()
        assert_sound()


def collect(location: Location, courier: Courier, count: int) -> None:
    screen = caller(make_kiosk(location))
    for number in range(count):
        package = bring(courier, location, f"T-{number}")
        operations.pick_up(by=screen.actor, now=database_now(), typed=TypedCode(code=code_of(package)))


class TestKilled:
    def test_silence(self, courier: Courier) -> None:
        places = [make_location(f"L-{n}", small=1, medium=0, large=0) for n in range(40)]
        for place in places:
            make_kiosk(place)
            UserFactory.create(manages=[place])
            bring(courier, place, place.code)
        now = database_now()
        Kiosk.objects.update(last_seen_at=now - HOUR)
        rows = Downtime.objects.all()
        assert killed_again_and_again(f"notice_silence_due(now={moment(now)})", rows.count, 40) > 0
        assert rows.count() == 40 == told("location_silent")
        assert PackageEvent.objects.filter(event="hold_stopped").count() == 40
        assert_sound()

    def test_erasure(self, location: Location, courier: Courier) -> None:
        collect(location, courier, 30)
        erased = Recipient.objects.filter(erased_at__isnull=False)
        call = f"erase_due(now={moment(database_now() + 31 * DAY)}, batch=1)"
        assert killed_again_and_again(call, erased.count, 30) > 0
        assert erased.count() == 30
        assert set(Package.objects.values_list("recipient__name", flat=True)) == {""}
        assert_sound()
