"""Send the weekly report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models.functions import Lower

from common.operation import Step, Sweep
from lockers.models import Location, Membership
from notifications import outbox
from notifications.models import Notification
from packages_app.models import ReportSubscription, WeekAtLocation
from packages_app.rules import weekly_figures

BEGINS = time(7)  # on Monday, on the reader's wall clock
LAST_DAY = 1  # Tuesday, for a portal that was down on Monday
PRIORITY = 9  # after every message that somebody waits for


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who gets the report, their time zone, and the locations that it covers."""

    user_id: int
    zone: ZoneInfo
    location_ids: frozenset[int]

    def week(self, now: datetime) -> date | None:
        """Return the Monday of the week to report to them at `now`; None if no report is due."""
        local = now.astimezone(self.zone)
        if local.weekday() > LAST_DAY or (local.weekday() == 0 and local.time() < BEGINS):
            return None
        return weekly_figures.last_week(now, self.zone)


@Sweep
def send_reports_due(*, now: datetime) -> int:
    """Send a report to each manager and each subscriber, on Mondays from 7:00 their time; return how many.

    A manager's time zone is that of their first location, head office's is `TIME_ZONE`. A report waits until
    the figures of all its locations are counted (`weekly_figures.count_weeks`). The dedup key makes it one
    for each week and person, however often this runs; users with the same address are one person.
    """
    counted: dict[date, frozenset[int]] = {}
    due: dict[int, date] = {}
    for reader in _readers():
        week = reader.week(now)
        if week is None:
            continue
        if week not in counted:
            figures = WeekAtLocation.objects.filter(week=week).values_list("location_id", flat=True)
            counted[week] = frozenset(figures)
        if reader.location_ids and reader.location_ids <= counted[week]:
            due[reader.user_id] = week
    known = Notification.objects.filter(
        dedup_key__in=[f"{_subject(user_id, week)}:email" for user_id, week in due.items()]
    )
    sent = set(known.values_list("subject", flat=True))
    return sum(
        _send(subject=subject) for subject in sorted(map(_subject, due, due.values())) if subject not in sent
    )


def _readers() -> list[Reader]:
    users = get_user_model().objects.filter(is_active=True).exclude(email="")
    # Of several users with one address, the first one stands for all.
    emails = dict(users.order_by("-pk").values_list(Lower("email"), "pk"))
    reader = {pk: emails[email] for pk, email in users.values_list("pk", Lower("email"))}
    everything = frozenset(Location.objects.filter(sandbox=False).values_list("pk", flat=True))
    wanted = ReportSubscription.objects.filter(user__in=users.filter(is_staff=True))
    office = {reader[user_id] for user_id in wanted.values_list("user_id", flat=True)}
    readers = [Reader(user_id, ZoneInfo(settings.TIME_ZONE), everything) for user_id in sorted(office)]
    managed: dict[int, list[tuple[str, int]]] = {}
    memberships = Membership.objects.filter(user__in=users, location__sandbox=False).order_by(
        "location__code"
    )
    for user_id, zone, location_id in memberships.values_list(
        "user_id", "location__time_zone", "location_id"
    ):
        managed.setdefault(reader[user_id], []).append((zone, location_id))
    for user_id, own in managed.items():
        if user_id not in office:
            readers.append(Reader(user_id, ZoneInfo(own[0][0]), frozenset(pk for _, pk in own)))
    return readers


def _subject(user_id: int, week: date) -> str:
    return f"report:{week:%G-W%V}:{user_id}"


@Step
def _send(*, subject: str) -> int:
    outbox.enqueue(
        kind="weekly_report", channels=["email"], subject=subject, dedup_prefix=subject, priority=PRIORITY
    )
    return 1
