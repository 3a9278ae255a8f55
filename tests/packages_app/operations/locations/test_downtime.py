"""A location that is silent or suspended: its hold clock stands, and the lost time is given back."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from lockers.errors import UnknownLocation
from lockers.models import Downtime, Kiosk, Location, Membership
from notifications.models import Notification
from packages_app import operations
from packages_app.core.actor import SYSTEM, Actor, Caller
from packages_app.errors import CodeExpired, ExtensionLimit
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.rules import hold_clock
from tests.packages_app.operations.looking import history, row, told
from tests.world import NOW, UNTIL, caller, code_of, door, make_kiosk, make_location, make_package

pytestmark = pytest.mark.django_db

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LATER = NOW + 4 * HOUR


@pytest.fixture
def mia(location: Location) -> User:
    """The manager."""
    user = User.objects.create_user("mia", email="mia@example.com")
    Membership.objects.create(user=user, location=location)
    return user


def suspend(location: Location, *, now: datetime = NOW, reason: str = "storm") -> None:
    operations.suspend_location(
        locations=Location.objects.all(), location_id=location.pk, by=SYSTEM, now=now, reason=reason
    )


def resume(location: Location, *, now: datetime = LATER) -> None:
    operations.resume_location(locations=Location.objects.all(), location_id=location.pk, by=SYSTEM, now=now)


def beat(screen: Caller, now: datetime) -> None:
    operations.record_heartbeat(by=screen.actor, now=now, software_version="1")


def downtimes(location: Location) -> list[tuple[str, datetime, datetime | None, bool]]:
    """Cause, beginning, end, whether its time was given back; oldest first."""
    return [
        (one.cause, one.began_at, one.ended_at, one.settled_at is not None)
        for one in location.downtimes.order_by("id")
    ]


def managers_told() -> list[str]:
    return list(Notification.objects.filter(subject__startswith="downtime:").values_list("kind", flat=True))


class TestSuspension:
    def test_the_clock_stands_and_the_time_is_given_back(self, location: Location, courier: Courier) -> None:
        package = make_package(courier, door(location, "S1"))
        suspend(location)
        assert downtimes(location) == [("suspended", NOW, None, False)]
        assert told(package) == [("location_suspended", "email"), ("location_suspended", "sms")]
        resume(location)
        assert downtimes(location) == [("suspended", NOW, LATER, True)]
        assert row(package).expires_at == UNTIL + 4 * HOUR
        assert row(package).stood_still == 4 * HOUR
        assert history(package) == [
            ("location_suspended", "STORED", "STORED", "system", "storm"),
            ("location_resumed", "STORED", "STORED", "system", "location was down, 240 min given back"),
        ]
        assert [kind for kind, _ in told(package)].count("location_resumed") == 2
        assert Location.objects.get().suspended_at is None

    def test_nothing_expires_meanwhile(self, location: Location, courier: Courier) -> None:
        package = make_package(courier, door(location, "S1"))
        elsewhere = make_package(courier, door(make_location("ELSE"), "S1"))
        suspend(location)
        assert operations.expire_due(now=UNTIL) == 1
        assert row(package).status == Status.STORED
        assert row(elsewhere).status == Status.EXPIRED
        resume(location, now=UNTIL)
        assert row(package).expires_at == UNTIL + 3 * 24 * HOUR
        assert operations.expire_due(now=UNTIL + 3 * 24 * HOUR - MINUTE) == 0
        assert operations.expire_due(now=UNTIL + 3 * 24 * HOUR) == 1

    def test_who_stands_there_gets_the_parcel_also_past_its_date(
        self, location: Location, courier: Courier, screen: Caller
    ) -> None:
        package = make_package(courier, door(location, "S1"))
        suspend(location)
        opened = operations.pick_up(by=screen.actor, now=UNTIL + HOUR, typed=TypedCode(code=code_of(package)))
        assert opened.package_id == package.pk
        resume(location, now=UNTIL + 2 * HOUR)
        assert row(package).status == Status.RETRIEVED
        assert row(package).stood_still == timedelta(0)
        assert "location_resumed" not in {kind for kind, _ in told(package)}

    def test_what_was_over_before_stays_over(
        self, location: Location, courier: Courier, screen: Caller
    ) -> None:
        expired = make_package(courier, door(location, "S1"), Status.EXPIRED, expires_at=NOW - MINUTE)
        cancelled = make_package(courier, door(location, "S2"), Status.CANCELLED)
        pending = make_package(courier, door(location, "M1"), Status.PENDING)
        suspend(location)
        with pytest.raises(CodeExpired):
            operations.pick_up(by=screen.actor, now=NOW, typed=TypedCode(code=code_of(expired)))
        resume(location)
        for package in (expired, cancelled, pending):
            assert history(package) == []
            assert told(package) == []
        assert row(expired).expires_at == NOW - MINUTE

    def test_only_what_lay_there(self, location: Location, courier: Courier) -> None:
        package = make_package(
            courier, door(location, "S1"), stored_at=NOW + 3 * HOUR, expires_at=UNTIL + 3 * HOUR
        )
        young = make_package(courier, door(location, "S2"), stored_at=LATER, expires_at=UNTIL + 4 * HOUR)
        suspend(location)
        resume(location)
        assert row(package).expires_at == UNTIL + 4 * HOUR
        assert row(young).expires_at == UNTIL + 4 * HOUR
        assert row(young).stood_still == timedelta(0)

    def test_again_changes_the_reason_and_tells_nobody_twice(
        self, location: Location, courier: Courier
    ) -> None:
        package = make_package(courier, door(location, "S1"))
        suspend(location)
        suspend(location, now=NOW + HOUR, reason="flood")
        assert Location.objects.get().suspended_reason == "flood"
        assert Location.objects.get().suspended_at == NOW
        resume(location)
        resume(location, now=LATER + HOUR)
        assert downtimes(location) == [("suspended", NOW, LATER, True)]
        assert len(history(package)) == 2
        assert len(told(package)) == 4

    def test_every_time_counts_once(self, location: Location, courier: Courier) -> None:
        package = make_package(courier, door(location, "S1"))
        for hours in (0, 10, 20):
            suspend(location, now=NOW + hours * HOUR)
            resume(location, now=NOW + (hours + 2) * HOUR)
        assert row(package).expires_at == UNTIL + 6 * HOUR
        assert row(package).stood_still == 6 * HOUR

    def test_outside_one_s_own_it_does_not_exist(self, location: Location) -> None:
        for work in (operations.suspend_location, operations.resume_location):
            more: dict[str, Any] = {"reason": "x"} if work is operations.suspend_location else {}
            with pytest.raises(UnknownLocation):
                work(locations=Location.objects.none(), location_id=location.pk, by=SYSTEM, now=NOW, **more)
        assert downtimes(location) == []

    def test_an_extension_s_limit_does_not_count_what_was_lost(
        self, location: Location, courier: Courier, by: Actor
    ) -> None:
        package = make_package(courier, door(location, "S1"))
        suspend(location)
        resume(location, now=NOW + 48 * HOUR)
        limit = (location.max_hold_days - location.hold_days) * 24
        operations.extend(package_id=package.pk, by=by, now=NOW, hours=limit)
        with pytest.raises(ExtensionLimit):
            operations.extend(package_id=package.pk, by=by, now=NOW, hours=1)

    def test_the_lost_time_is_a_span_and_no_wall_clock(self, courier: Courier) -> None:
        """Two days over the end of summer time are 48 hours, on whatever clock the session counts."""
        location = make_location("NYC", time_zone="America/New_York")
        began = datetime(2026, 10, 31, 16, tzinfo=UTC)
        package = make_package(courier, door(location, "S1"), stored_at=began, expires_at=began + 24 * HOUR)
        suspend(location, now=began)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL TIME ZONE 'America/New_York'")
        resume(location, now=began + 48 * HOUR)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        assert row(package).expires_at == began + 72 * HOUR
        assert row(package).stood_still == 48 * HOUR


class TestSilence:
    def test_noticed_once_from_the_last_sign_of_life(
        self, location: Location, courier: Courier, screen: Caller, mia: User
    ) -> None:
        package = make_package(courier, door(location, "S1"))
        beat(screen, NOW)
        assert operations.notice_silence_due(now=NOW + 15 * MINUTE) == 0
        assert operations.notice_silence_due(now=NOW + 16 * MINUTE) == 1
        assert operations.notice_silence_due(now=NOW + 17 * MINUTE) == 0
        assert downtimes(location) == [("silent", NOW, None, False)]
        assert managers_told() == ["location_silent"]
        assert [line[0] for line in history(package)] == ["hold_stopped"]
        assert told(package) == []

        beat(screen, LATER)
        beat(screen, LATER + MINUTE)
        assert downtimes(location) == [("silent", NOW, LATER, True)]
        assert sorted(managers_told()) == ["location_back", "location_silent"]
        assert row(package).expires_at == UNTIL + 4 * HOUR
        assert told(package) == [("location_resumed", "email"), ("location_resumed", "sms")]

    def test_what_expired_before_anybody_noticed_is_given_back(
        self, location: Location, courier: Courier, screen: Caller
    ) -> None:
        package = make_package(courier, door(location, "S1"), expires_at=NOW + 5 * MINUTE)
        before = make_package(courier, door(location, "S2"), expires_at=NOW - MINUTE)
        beat(screen, NOW)
        assert operations.expire_due(now=NOW + 5 * MINUTE) == 2
        operations.notice_silence_due(now=NOW + 16 * MINUTE)
        assert row(package).status == Status.STORED
        assert row(before).status == Status.EXPIRED
        assert history(package)[-1] == (
            "hold_stopped", "EXPIRED", "STORED", "system", "no sign of life from its kiosks",
        )  # fmt: skip
        assert operations.expire_due(now=LATER) == 0
        # The kiosk is there again, and somebody is faster than its first heartbeat.
        operations.pick_up(by=screen.actor, now=LATER, typed=TypedCode(code=code_of(package)))
        assert row(package).status == Status.RETRIEVED

    def test_a_silence_that_nobody_noticed_counts_as_well(
        self, location: Location, courier: Courier, screen: Caller, mia: User
    ) -> None:
        """The portal was away itself, and its jobs with it."""
        package = make_package(courier, door(location, "S1"), expires_at=NOW + HOUR)
        expired = make_package(courier, door(location, "S2"), Status.EXPIRED, expires_at=NOW + 2 * HOUR)
        beat(screen, NOW)
        beat(screen, LATER)
        assert downtimes(location) == [("silent", NOW, LATER, True)]
        assert row(package).expires_at == NOW + 5 * HOUR
        assert (row(expired).status, row(expired).expires_at) == (Status.STORED, NOW + 6 * HOUR)
        assert managers_told() == ["location_back"]

    def test_a_short_one_is_none(self, location: Location, courier: Courier, screen: Caller) -> None:
        package = make_package(courier, door(location, "S1"))
        beat(screen, NOW)
        beat(screen, NOW + 15 * MINUTE)
        assert downtimes(location) == []
        assert row(package).expires_at == UNTIL

    def test_one_of_several_kiosks_is_enough(self, location: Location, screen: Caller) -> None:
        other = caller(make_kiosk(location, "left"))
        beat(screen, NOW)
        for minutes in (1, 11, 21, 31):
            beat(other, NOW + minutes * MINUTE)
        assert operations.notice_silence_due(now=NOW + 40 * MINUTE) == 0
        assert operations.notice_silence_due(now=NOW + HOUR) == 1
        assert downtimes(location) == [("silent", NOW + 31 * MINUTE, None, False)]

    def test_who_never_spoke_is_not_missed(self, location: Location, screen: Caller) -> None:
        assert Kiosk.objects.get().last_seen_at is None
        assert operations.notice_silence_due(now=LATER) == 0

    def test_a_suspended_location_is_not_silent(self, location: Location, screen: Caller, mia: User) -> None:
        beat(screen, NOW)
        suspend(location)
        assert operations.notice_silence_due(now=LATER) == 0
        beat(screen, LATER)
        assert downtimes(location) == [("suspended", NOW, None, False)]
        assert managers_told() == []

    def test_only_the_location_s_managers(self, location: Location, screen: Caller, mia: User) -> None:
        away = User.objects.create_user("away", email="away@example.com", is_active=False)
        Membership.objects.create(user=away, location=location)
        other = User.objects.create_user("other", email="other@example.com")
        Membership.objects.create(user=other, location=make_location("OTHER"))
        Membership.objects.create(user=User.objects.create_user("mute"), location=location)
        beat(screen, NOW)
        operations.notice_silence_due(now=LATER)
        message = Notification.objects.get(kind="location_silent")
        assert message.subject.endswith(f":{mia.pk}")


class TestOneAfterTheOther:
    def test_silent_then_suspended_then_back(
        self, location: Location, courier: Courier, screen: Caller
    ) -> None:
        package = make_package(courier, door(location, "S1"))
        beat(screen, NOW)
        operations.notice_silence_due(now=NOW + HOUR)
        suspend(location, now=NOW + 2 * HOUR)
        assert downtimes(location) == [
            ("silent", NOW, NOW + 2 * HOUR, False),
            ("suspended", NOW + 2 * HOUR, None, False),
        ]
        beat(screen, NOW + 3 * HOUR)
        assert row(package).expires_at == UNTIL
        resume(location, now=NOW + 3 * HOUR + MINUTE)
        assert row(package).expires_at == UNTIL + 3 * HOUR + MINUTE
        assert [settled for *_, settled in downtimes(location)] == [True, True]
        # One message about the return, not one for each downtime.
        assert [kind for kind, _ in told(package)].count("location_resumed") == 2

    def test_resumed_while_still_silent(
        self, location: Location, courier: Courier, screen: Caller, mia: User
    ) -> None:
        package = make_package(courier, door(location, "S1"))
        beat(screen, NOW)
        suspend(location)
        resume(location)
        assert downtimes(location) == [("suspended", NOW, LATER, False), ("silent", LATER, None, False)]
        assert row(package).expires_at == UNTIL
        assert managers_told() == ["location_silent"]
        assert operations.expire_due(now=UNTIL) == 0
        beat(screen, LATER + HOUR)
        assert row(package).expires_at == UNTIL + 5 * HOUR
        assert [kind for kind, _ in told(package)].count("location_resumed") == 2

    def test_an_expiry_at_the_same_moment_is_undone_by_the_next_look(
        self, location: Location, courier: Courier
    ) -> None:
        package = make_package(courier, door(location, "S1"), expires_at=NOW + MINUTE)
        suspend(location)
        # As a sweep leaves it whose statement began before the suspension.
        Package.objects.filter(pk=package.pk).update(status=Status.EXPIRED)
        operations.notice_silence_due(now=LATER)
        assert row(package).status == Status.STORED
        assert len(history(package)) == 2
        operations.notice_silence_due(now=LATER)
        assert len(history(package)) == 2
        Package.objects.filter(pk=package.pk).update(status=Status.EXPIRED)
        resume(location)
        assert (row(package).status, row(package).expires_at) == (Status.STORED, LATER + MINUTE)


class TestKilled:
    """A transaction is whole or not at all; whoever comes next does what is left."""

    @pytest.mark.parametrize("point", ["stop", "tell_of_downtime"])
    def test_while_noticing(
        self,
        location: Location,
        courier: Courier,
        screen: Caller,
        mia: User,
        point: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        package = make_package(courier, door(location, "S1"))
        beat(screen, NOW)
        room = (
            hold_clock if point == "stop" else sys.modules["packages_app.operations.locations.record_silence"]
        )
        with monkeypatch.context() as patch:
            patch.setattr(room, point, killed)
            with pytest.raises(Killed):
                operations.notice_silence_due(now=LATER)
        assert (downtimes(location), history(package), managers_told()) == ([], [], [])
        assert operations.notice_silence_due(now=LATER) == 1
        assert (len(history(package)), managers_told()) == (1, ["location_silent"])

    def test_while_coming_back(
        self, location: Location, courier: Courier, screen: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = make_package(courier, door(location, "S1"))
        beat(screen, NOW)
        give_back = hold_clock.give_back

        def half(*args: Any, **more: Any) -> int:
            give_back(*args, **more)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr("packages_app.rules.hold_clock.give_back", half)
            with pytest.raises(Killed):
                beat(screen, LATER)
        assert row(package).expires_at == UNTIL
        assert Kiosk.objects.get().last_seen_at == NOW, "or nobody would ever know of the silence"
        beat(screen, LATER)
        assert row(package).expires_at == UNTIL + 4 * HOUR
        assert len(told(package)) == 2


class Killed(Exception):
    """The process ends here."""


def killed(*_: object, **__: object) -> None:
    raise Killed


class TestRows:
    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("downtime_one_open", {}),
            ("downtime_cause", {"cause": "bored", "ended_at": LATER, "ended_by": "x"}),
            ("downtime_ended_pair", {"ended_at": LATER}),
            ("downtime_ended_pair", {"ended_at": NOW - HOUR, "ended_by": "x"}),
            ("downtime_ended_pair", {"settled_at": LATER}),
        ],
    )
    def test_refused(self, location: Location, name: str, values: dict[str, Any]) -> None:
        fields: dict[str, Any] = {
            "location": location, "cause": "silent", "began_at": NOW, "begun_by": "x", "reason": "x",
        }  # fmt: skip
        Downtime.objects.create(**fields)
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Downtime.objects.create(**{**fields, **values})

    def test_the_sweep_uses_its_index_and_scans_nothing(self, location: Location) -> None:
        from packages_app.sql import expiry

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("EXPLAIN " + expiry.EXPIRE, {"now": NOW, "batch": 100, "by": "system"})
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "package_expiring_idx" in plan
        assert "Seq Scan on packages_app_package " not in plan
