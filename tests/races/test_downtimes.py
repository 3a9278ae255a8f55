"""A location goes down or comes back while others pick up, expire, suspend and send heartbeats."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from lockers.models import Downtime, Kiosk, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.core.actor import SYSTEM, Caller
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package, PackageEvent
from packages_app.operations.packages.pick_up import TypedCode
from tests.races import together as threads
from tests.races.together import after_the_hold, assert_sound, bring, kinds
from tests.world import actor, caller, code_of, make_kiosk, make_location

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

HOUR = timedelta(hours=1)


def together(*work: Callable[[], Any]) -> list[Any]:
    return threads.together(*work)


def suspend(location: Location, now: datetime) -> Location:
    return operations.suspend_location(
        locations=Location.objects.all(), location_id=location.pk, by=SYSTEM, now=now, reason="storm"
    )


def resume(location: Location, now: datetime) -> Location:
    return operations.resume_location(
        locations=Location.objects.all(), location_id=location.pk, by=SYSTEM, now=now
    )


def beat(screen: Caller, now: datetime) -> None:
    operations.record_heartbeat(by=screen.actor, now=now, software_version="1")


def assert_done(results: list[Any]) -> None:
    faults = [result for result in results if isinstance(result, Exception)]
    assert not faults, faults


def test_expiry_against_the_beginning(courier: Courier) -> None:
    """Whoever is first: what ends after the beginning is not ended."""
    for number in range(10):
        location = make_location(f"L-{number}", small=6, medium=0, large=0)
        packages = [bring(courier, location, f"T-{number}-{n}") for n in range(5)]
        began, later = timezone.now(), after_the_hold()
        assert_done(
            together(
                partial(operations.expire_due, now=later, batch=2),
                partial(suspend, location, began),
                partial(operations.expire_due, now=later, batch=3),
            )
        )
        operations.notice_silence_due(now=later)  # the next look, a minute later
        statuses = Package.objects.filter(location=location).values_list("status", flat=True)
        assert set(statuses) == {Status.STORED}
        assert operations.expire_due(now=later) == 0
        before = {package.pk: Package.objects.get(pk=package.pk).expires_at for package in packages}
        resume(location, began + 100 * HOUR)
        for package in packages:
            ends = before[package.pk]
            assert ends is not None
            assert Package.objects.get(pk=package.pk).expires_at == ends + 100 * HOUR
    assert_sound()


def test_a_pickup_while_the_location_comes_back(courier: Courier) -> None:
    """The code opens its door, whoever is first, although its date was long ago."""
    for number in range(10):
        location = make_location(f"L-{number}", small=4, medium=0, large=0)
        screen, other = caller(make_kiosk(location)), caller(make_kiosk(location, "left"))
        packages = [bring(courier, location, f"T-{number}-{n}") for n in range(3)]
        began, later = timezone.now(), after_the_hold()
        beat(screen, began)
        operations.notice_silence_due(now=began + HOUR)
        code = code_of(packages[0])
        picked, *rest = together(
            partial(operations.pick_up, by=screen.actor, now=later, typed=TypedCode(code=code)),
            partial(beat, other, later),
            partial(operations.expire_due, now=later),
            partial(beat, screen, later),
        )
        assert_done([picked, *rest])
        statuses = [Package.objects.get(pk=package.pk).status for package in packages]
        assert statuses == [Status.RETRIEVED, Status.STORED, Status.STORED]
        for package in packages[1:]:
            assert Package.objects.get(pk=package.pk).stood_still == later - began
        assert Downtime.objects.filter(location=location, settled_at__isnull=False).count() == 1
    assert_sound()


def test_beats_heartbeats_and_staff_all_at_once(courier: Courier) -> None:
    for number in range(8):
        location = make_location(f"L-{number}", small=4, medium=0, large=0)
        screens = [caller(make_kiosk(location, name)) for name in ("left", "right")]
        package = bring(courier, location, f"T-{number}")
        now = timezone.now()
        Kiosk.objects.filter(location=location).update(last_seen_at=now - HOUR)
        assert_done(
            together(
                partial(operations.notice_silence_due, now=now),
                partial(operations.notice_silence_due, now=now),
                partial(beat, screens[0], now),
                partial(beat, screens[1], now),
                partial(suspend, location, now),
                partial(resume, location, now),
            )
        )
        beat(screens[0], now + HOUR / 60)  # a minute later
        resume(location, now + HOUR / 60)
        assert not Downtime.objects.filter(location=location, settled_at__isnull=True).exists()
        found = Package.objects.get(pk=package.pk)
        # It came a moment ago: of the hour of silence it lost nothing, of a suspension a minute at the most.
        assert found.stood_still <= HOUR / 30
        lost = sum(
            (one.ended_at - max(one.began_at, found.stored_at or now) for one in location.downtimes.all()
             if one.ended_at and found.stored_at and one.ended_at > found.stored_at),
            timedelta(0),
        )  # fmt: skip
        assert found.stood_still == lost
    assert_sound()


def test_two_suspensions_and_two_returns_at_once(courier: Courier) -> None:
    location = make_location(small=20, medium=0, large=0)
    packages = [bring(courier, location, f"T-{number}") for number in range(15)]
    began = timezone.now()
    assert_done(together(*[lambda: suspend(location, began)] * 4))
    assert_done(together(*[lambda: resume(location, began + HOUR)] * 4))
    assert Downtime.objects.count() == 1
    assert PackageEvent.objects.filter(event="location_suspended").count() == len(packages)
    assert PackageEvent.objects.filter(event="location_resumed").count() == len(packages)
    for kind in ("location_suspended", "location_resumed"):
        assert Notification.objects.filter(kind=kind).count() == 2 * len(packages)
    assert_sound()


def test_changes_while_the_location_goes_down_and_comes_back(courier: Courier) -> None:
    """Nobody waits for ever for anybody: the location before its packages, a package before its door."""
    location = make_location(small=12, medium=6, large=0)
    packages = [bring(courier, location, f"T-{number}") for number in range(10)]
    by, began = actor(courier), timezone.now()

    def change(numbers: range) -> None:
        for number in numbers:
            package_id = packages[number].pk
            operations.extend(package_id=package_id, by=by, now=began, hours=1)
            operations.resend_code(package_id=package_id, by=by, now=began)
            operations.put_on_hold(package_id=package_id, by=by, now=began)
            operations.release_hold(package_id=package_id, by=by, now=began)

    def go_down_and_come_back() -> None:
        for number in range(10):
            suspend(location, began + number * HOUR)
            resume(location, began + number * HOUR + HOUR / 2)

    results: list[Any] = together(
        lambda: change(range(10)),
        lambda: change(range(9, -1, -1)),
        go_down_and_come_back,
        lambda: operations.notice_silence_due(now=began),
    )
    assert kinds(results)["ok"] >= 2, results
    refused = [one for one in results if isinstance(one, Exception) and type(one).__name__ != "OnHold"]
    assert not refused, refused
    assert set(Package.objects.values_list("stood_still", flat=True)) == {5 * HOUR}
    assert_sound()


def test_many_locations_come_back_at_once(courier: Courier) -> None:
    """As after an outage of the portal itself: no job had noticed, the heartbeats find out."""
    places = [make_location(f"L-{number}", small=25, medium=0, large=0) for number in range(6)]
    screens = [caller(make_kiosk(place)) for place in places]
    for place in places:
        for number in range(20):
            bring(courier, place, f"{place.code}-{number}")
    began = timezone.now()
    Kiosk.objects.update(last_seen_at=began)
    later = after_the_hold()
    assert_done(together(*(partial(beat, screen, later) for screen in screens)))
    assert operations.expire_due(now=later) == 0
    assert set(Package.objects.values_list("status", flat=True)) == {Status.STORED}
    assert set(Package.objects.values_list("stood_still", flat=True)) == {later - began}
    assert Notification.objects.filter(kind="location_resumed").count() == 6 * 20 * 2
    assert Notification.objects.filter(kind="expired").count() == 0
    assert_sound()
