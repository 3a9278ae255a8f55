"""The weekly report is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models.functions import Lower

from lockers.models import Location, Membership
from notifications import outbox
from notifications.models import Notification
from packages_app.core.operation import Operation
from packages_app.models import ReportSubscription, WeekAtLocation
from packages_app.rules import weekly_figures

BEGINS = time(7)  # on Monday, on the reader's wall clock
LAST_DAY = 1  # Tuesday: where nobody was there to send it on Monday
PRIORITY = 9  # after everything that somebody waits for


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who gets the report, by which clock, and of which locations."""

    user_id: int
    zone: ZoneInfo
    location_ids: frozenset[int]

    def week(self, now: datetime) -> date | None:
        """The Monday of the week that is reported to them at `now`; None at any other time."""
        local = now.astimezone(self.zone)
        if local.weekday() > LAST_DAY or (local.weekday() == 0 and local.time() < BEGINS):
            return None
        return weekly_figures.last_week(now, self.zone)


def send_reports(*, now: datetime) -> int:
    """A report to each manager and each subscriber, on Monday from 7:00 on their clock; returns how many.

    A manager's clock is that of their first location, head office's is `TIME_ZONE`. It waits until the
    figures of all their locations are counted (`weeks.count_weeks`). Once for each week and person: the
    message's key says so, however often this runs. Who has one address under several names is one person.
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
    known = Notification.objects.filter(dedup_key__in=[f"{_subject(*one)}:email" for one in due.items()])
    sent = set(known.values_list("subject", flat=True))
    return sum(_send(subject) for subject in sorted(map(_subject, due, due.values())) if subject not in sent)


def _readers() -> list[Reader]:
    users = get_user_model().objects.filter(is_active=True).exclude(email="")
    # Of several with one address the first stands for all.
    emails = dict(users.order_by("-pk").values_list(Lower("email"), "pk"))
    reader = {pk: emails[email] for pk, email in users.values_list("pk", Lower("email"))}
    everything = frozenset(Location.objects.filter(sandbox=False).values_list("pk", flat=True))
    wanted = ReportSubscription.objects.filter(user__in=users.filter(is_staff=True))
    office = {reader[user_id] for user_id in wanted.values_list("user_id", flat=True)}
    readers = [Reader(user_id, ZoneInfo(settings.TIME_ZONE), everything) for user_id in sorted(office)]
    managed: dict[int, list[tuple[str, int]]] = {}
    places = Membership.objects.filter(user__in=users, location__sandbox=False).order_by("location__code")
    for user_id, zone, location_id in places.values_list("user_id", "location__time_zone", "location_id"):
        managed.setdefault(reader[user_id], []).append((zone, location_id))
    for user_id, own in managed.items():
        if user_id not in office:
            readers.append(Reader(user_id, ZoneInfo(own[0][0]), frozenset(pk for _, pk in own)))
    return readers


def _subject(user_id: int, week: date) -> str:
    return f"report:{week:%G-W%V}:{user_id}"


@Operation
def _send(subject: str) -> int:
    outbox.enqueue(
        kind="weekly_report", channels=["email"], subject=subject, dedup_prefix=subject, priority=PRIORITY
    )
    return 1
