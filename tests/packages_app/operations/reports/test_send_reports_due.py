"""The weekly report: its figures, who gets it and when, and what it says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse

from lockers import usage
from lockers.models import Compartment, CompartmentEvent, Downtime, Location, Membership, UsageSnapshot
from notifications.delivery.people import deliver_due
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app import operations, tasks
from packages_app.life.lifecycle import Event, Status
from packages_app.messaging.reports import compose
from packages_app.models import Courier, Package, ReportSubscription, WeekAtLocation
from packages_app.rules import weekly_figures
from tests.world import door, make_location, make_package

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TALLINN = ZoneInfo("Europe/Tallinn")
WEEK = date(2026, 11, 9)  # a Monday, of week 46
BEGINS = datetime(2026, 11, 8, 22, tzinfo=UTC)  # midnight in Tallinn
MORNING = datetime(2026, 11, 16, 5, tzinfo=UTC)  # Monday, 7:00


@pytest.fixture
def location() -> Location:
    return make_location(small=4, medium=0, large=0, time_zone="Europe/Tallinn")


@pytest.fixture
def mia(location: Location) -> User:
    """The manager."""
    user = User.objects.create_user("mia", email="mia@example.com", first_name="Mia")
    Membership.objects.create(user=user, location=location)
    return user


def line(package: Package, event: Event, at: datetime) -> None:
    """A line of its history, with the time that it pretends to have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO packages_app_packageevent (package_id, event, from_status, to_status, by, at)"
            " VALUES (%s, %s, '', 'STORED', 'x', %s)",
            [package.pk, str(event), at],
        )


def collected(courier: Courier, location: Location, *, at: datetime, after: timedelta) -> Package:
    package = make_package(
        courier,
        door(location, "S1"),
        Status.RETRIEVED,
        created_at=at - after,
        stored_at=at - after,
        expires_at=at + DAY,
        retrieved_at=at,
        released_at=at,
    )
    line(package, Event.DEPOSITED, at - after)
    line(package, Event.RETRIEVED, at)
    return package


def figures(location: Location) -> WeekAtLocation:
    return WeekAtLocation.objects.get(location=location, week=WEEK)


class TestFigures:
    def test_custody(self, location: Location, courier: Courier) -> None:
        for hours in (2, 10, 30):
            collected(courier, location, at=BEGINS + 3 * DAY, after=hours * HOUR)
        collected(courier, location, at=BEGINS + HOUR, after=2 * HOUR)  # brought in the week before
        collected(courier, location, at=BEGINS - HOUR, after=HOUR)
        collected(courier, location, at=BEGINS + 7 * DAY, after=HOUR)  # in the week after
        gone = make_package(courier, door(location, "S1"), Status.RETURNED, created_at=BEGINS - 9 * DAY)
        line(gone, Event.EXPIRED, BEGINS + DAY)
        line(gone, Event.RETURNED, BEGINS + 2 * DAY)
        elsewhere = make_location("ELSE", time_zone="Europe/Tallinn")
        collected(courier, elsewhere, at=BEGINS + DAY, after=HOUR)
        assert weekly_figures.count_weeks(now=MORNING) == 2
        found = figures(location)
        assert (found.deposits, found.pickups, found.expired, found.returned) == (4, 4, 1, 1)
        assert found.half_within == 6 * HOUR
        assert figures(elsewhere).deposits == 1

    def test_a_pickup_that_was_none(self, location: Location, courier: Courier) -> None:
        package = collected(courier, location, at=BEGINS + DAY, after=HOUR)
        line(package, Event.DOOR_FAILED, BEGINS + DAY + HOUR)
        weekly_figures.count_weeks(now=MORNING)
        assert figures(location).pickups == 0

    def test_use(self, location: Location) -> None:
        for hour, occupied in ((-1, 4), (0, 0), (1, 1), (2, 4), (7 * 24, 4)):
            doors = Compartment.objects.order_by("position")
            doors.update(occupancy="empty")
            doors.filter(pk__in=[row.pk for row in doors[:occupied]]).update(occupancy="occupied")
            usage.take_snapshots(now=BEGINS + hour * HOUR)
        weekly_figures.count_weeks(now=MORNING)
        found = figures(location)
        assert found.average_use == pytest.approx(5 / 12)
        assert found.peak_use == 1.0

    def test_faults_downtimes_and_lost_messages(self, location: Location, courier: Courier) -> None:
        for at in (BEGINS - HOUR, BEGINS, BEGINS + DAY):
            CompartmentEvent.objects.create(
                compartment=door(location, "S1"), kind="taken_out", by="x", reason="x", at=at
            )
        ended = {"cause": "silent", "begun_by": "x", "ended_by": "x", "reason": "x", "location": location}
        Downtime.objects.create(began_at=BEGINS - DAY, ended_at=BEGINS + 2 * HOUR, **ended)
        Downtime.objects.create(began_at=BEGINS + DAY, ended_at=BEGINS + DAY + HOUR, **ended)
        Downtime.objects.create(began_at=BEGINS - 9 * DAY, ended_at=BEGINS - 8 * DAY, **ended)
        Downtime.objects.create(
            location=location, cause="suspended", began_at=BEGINS + 7 * DAY - HOUR, begun_by="x", reason="x"
        )
        package = make_package(courier, door(location, "S1"))
        about = f"package:{package.pk}"
        Notification.objects.create(
            kind="stored", channel="email", subject=about, dedup_key="bounced", status="bounced",
            reason="x", created_at=BEGINS, sent_at=BEGINS, receipt_at=BEGINS,
        )  # fmt: skip
        messages = [(about, BEGINS), (about, BEGINS - HOUR), ("door:1:2", BEGINS)]
        for number, (subject, at) in enumerate(messages):
            Notification.objects.create(
                kind="stored", channel="sms", subject=subject, dedup_key=str(number), status="dead",
                reason="x", created_at=at,
            )  # fmt: skip
        weekly_figures.count_weeks(now=MORNING)
        found = figures(location)
        assert (found.faults, found.downtimes, found.dead_messages) == (2, 3, 2)
        assert found.down_for == 4 * HOUR

    def test_a_week_without_anything(self, location: Location) -> None:
        weekly_figures.count_weeks(now=MORNING)
        found = figures(location)
        assert (found.deposits, found.half_within, found.average_use, found.down_for) == (
            0, None, None, timedelta(0),
        )  # fmt: skip

    def test_counted_once_and_in_batches(self, location: Location, courier: Courier) -> None:
        for number in range(4):
            make_location(f"L-{number}", small=1, medium=0, large=0, time_zone="Europe/Tallinn")
        make_location("SAND", sandbox=True)
        assert weekly_figures.count_weeks(now=MORNING, batch=2) == 5
        collected(courier, location, at=BEGINS + DAY, after=HOUR)
        assert weekly_figures.count_weeks(now=MORNING) == 0
        assert figures(location).deposits == 0

    @pytest.mark.parametrize(
        ("zone", "now", "week", "hours"),
        [
            ("Europe/Tallinn", "2026-11-15T21:59:59+00:00", "2026-11-02", 168),
            ("Europe/Tallinn", "2026-11-15T22:00:00+00:00", "2026-11-09", 168),
            ("Europe/Tallinn", "2026-03-30T06:00:00+00:00", "2026-03-23", 167),
            ("Europe/Tallinn", "2026-10-26T06:00:00+00:00", "2026-10-19", 169),
            ("America/New_York", "2026-11-16T04:59:59+00:00", "2026-11-02", 168),
            ("Asia/Kathmandu", "2027-01-04T00:00:00+00:00", "2026-12-28", 168),
        ],
    )
    def test_a_week_is_one_of_the_location_s_wall_clock(
        self, zone: str, now: str, week: str, hours: int
    ) -> None:
        found = weekly_figures.last_week(datetime.fromisoformat(now), ZoneInfo(zone))
        assert str(found) == week
        begins, ends = weekly_figures.bounds(found, ZoneInfo(zone))
        assert ends - begins == hours * HOUR


class TestReaders:
    def reports(self) -> list[str]:
        found = Notification.objects.filter(kind="weekly_report").order_by("id")
        return list(found.values_list("subject", flat=True))

    def test_on_monday_from_seven_and_once(self, location: Location, mia: User) -> None:
        weekly_figures.count_weeks(now=MORNING)
        for now, reports in (
            (MORNING - timedelta(minutes=1), 0),
            (MORNING, 1),
            (MORNING + HOUR, 1),
            (MORNING + DAY, 1),
        ):
            operations.send_reports_due(now=now)
            assert len(self.reports()) == reports
        assert self.reports() == [f"report:2026-W46:{mia.pk}"]

    def test_late_where_nobody_was_there_on_monday(self, location: Location, mia: User) -> None:
        weekly_figures.count_weeks(now=MORNING)
        assert operations.send_reports_due(now=MORNING + 2 * DAY) == 0
        assert operations.send_reports_due(now=MORNING + DAY) == 1

    def test_not_before_all_their_locations_are_counted(self, location: Location, mia: User) -> None:
        weekly_figures.count_weeks(now=MORNING)
        west = make_location("US-1", time_zone="America/Los_Angeles")
        Membership.objects.create(user=mia, location=west)
        WeekAtLocation.objects.filter(location=west).delete()
        assert operations.send_reports_due(now=MORNING) == 0
        weekly_figures.count_weeks(now=MORNING + 4 * HOUR)
        assert operations.send_reports_due(now=MORNING + 4 * HOUR) == 1

    def test_managers_and_subscribers_only(self, location: Location, mia: User) -> None:
        anna = User.objects.create_user("anna", email="anna@example.com", is_staff=True)
        User.objects.create_user("bea", email="bea@example.com", is_staff=True)
        former = User.objects.create_user("former", email="former@example.com")
        for user in (anna, former):
            ReportSubscription.objects.create(user=user)
        mute = User.objects.create_user("mute")
        away = User.objects.create_user("away", email="away@example.com", is_active=False)
        for user in (mute, away):
            Membership.objects.create(user=user, location=location)
        weekly_figures.count_weeks(now=MORNING)
        assert operations.send_reports_due(now=MORNING + 3 * HOUR) == 2
        assert sorted(self.reports()) == sorted(f"report:2026-W46:{one.pk}" for one in (mia, anna))
        assert Notification.objects.values_list("priority", flat=True)[0] == 9

    def test_the_job(self, location: Location, mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("packages_app.tasks.database_now", lambda: MORNING)
        assert tasks.report_week() == 1
        assert tasks.report_week() == 0


class TestWords:
    def message(self, user: User) -> Message | Suppressed:
        row = Notification(pk=1, kind="weekly_report", channel="email", subject=f"report:2026-W46:{user.pk}")
        return compose([row])[1]

    def test_a_manager_s_own_locations(self, location: Location, mia: User, courier: Courier) -> None:
        other = make_location("OTHER", time_zone="Europe/Tallinn")
        for place in (location, other):
            collected(courier, place, at=BEGINS + DAY, after=3 * HOUR)
        weekly_figures.count_weeks(now=MORNING)
        message: Any = self.message(mia)
        assert message.to == "mia@example.com"
        assert message.context["recipient_name"] == "Mia"
        assert message.context["totals"]["deposits"] == 1
        assert message.context["totals"]["half_within"] == 3.0
        assert [row["location_code"] for row in message.context["rows"]] == ["TLL-1"]

    def test_the_whole_network_for_head_office(self, location: Location, courier: Courier) -> None:
        anna = User.objects.create_user("anna", email="anna@example.com", is_staff=True)
        ReportSubscription.objects.create(user=anna)
        places = [make_location(f"L-{n:02}", small=1, medium=0, large=0) for n in range(45)]
        Location.objects.update(time_zone="Europe/Tallinn")
        weekly_figures.count_weeks(now=MORNING)
        WeekAtLocation.objects.filter(location=places[44]).update(faults=3)
        message: Any = self.message(anna)
        assert message.context["totals"]["locations"] == 46
        assert message.context["more"] == 6
        assert "L-44" in {row["location_code"] for row in message.context["rows"]}

    def test_who_has_gone_gets_none(self, location: Location, mia: User) -> None:
        weekly_figures.count_weeks(now=MORNING)
        mia.memberships.all().delete()
        assert self.message(mia) == Suppressed("no location of theirs has figures of this week")
        User.objects.update(is_active=False)
        assert self.message(mia) == Suppressed("the reader is gone")

    def test_as_it_arrives(self, location: Location, mia: User, courier: Courier) -> None:
        mail.outbox.clear()
        collected(courier, location, at=BEGINS + DAY, after=90 * timedelta(minutes=1))
        UsageSnapshot.objects.create(
            location=location, size=1, hour=BEGINS, total=4, available=1, occupied=3, reserved=0,
            out_of_service=0, unverified=0,
        )  # fmt: skip
        weekly_figures.count_weeks(now=MORNING)
        operations.send_reports_due(now=MORNING)
        deliver_due()
        (one,) = mail.outbox
        assert one.subject == "Your lockers in week 46"
        html = str(one.alternatives[0][0])  # type: ignore[attr-defined]
        for body in (str(one.body), html):
            assert "Hello Mia," in body
            assert "Place TLL-1 (TLL-1)" in body
            assert "Drop-offs: 1; Pickups: 1; Half picked up within: 1.5 h" in body
            assert "Compartments in use, average and peak: 75% / 75%" in body
            assert "{{" not in body
            assert "None" not in body

    def test_in_the_admin(self, location: Location, client: Client) -> None:
        weekly_figures.count_weeks(now=MORNING)
        anna = User.objects.create_superuser("anna")
        client.force_login(anna)
        assert b"TLL-1" in client.get(reverse("admin:packages_app_weekatlocation_changelist")).content
        row = WeekAtLocation.objects.get()
        page = reverse("admin:packages_app_weekatlocation_change", args=[row.pk])
        assert client.get(page).status_code == 200
        client.post(reverse("admin:packages_app_reportsubscription_add"), {"user": anna.pk})
        assert ReportSubscription.objects.get().user == anna
