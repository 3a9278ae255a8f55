"""The weekly report: the figures of a week for the reader's locations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Avg, Count, F, Max, QuerySet, Sum

from lockers.models import Location, Membership
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.models import ReportSubscription, WeekAtLocation

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# In one email: those with the most problems, where there are more.
LISTED = 40


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the report, or the reason why there is none, for each notification about a week."""
    asked = {row.pk: row.subject.split(":")[1:] for row in notifications}
    users = get_user_model().objects.in_bulk([int(user_id) for _, user_id in asked.values()])
    composed: dict[int, Message | Suppressed] = {}
    for pk, (name, user_id) in asked.items():
        user = users.get(int(user_id))
        if user is None or not user.is_active or not user.email:
            composed[pk] = Suppressed("the reader is gone")
        else:
            composed[pk] = _message(user, name)
    return composed


def _message(user: User, name: str) -> Message | Suppressed:
    week = date.fromisoformat(f"{name}-1")
    locations = Location.objects.filter(sandbox=False)
    # Somebody with several accounts under one address gets one report on all of their locations.
    one_person = get_user_model().objects.filter(is_active=True, email__iexact=user.email)
    memberships = Membership.objects.filter(user__in=one_person).order_by("location__code")
    office = ReportSubscription.objects.filter(user__in=one_person, user__is_staff=True)
    whole_network = office.exists()
    if not whole_network:
        locations = locations.filter(pk__in=memberships.values("location"))
    figures = WeekAtLocation.objects.filter(week=week, location__in=locations)
    count = figures.count()
    if not count:
        return Suppressed("no location of theirs has figures of this week")
    first = None if whole_network else memberships.first()
    trouble = F("downtimes") * 3 + F("faults") + F("dead_messages") + F("expired")
    rows = list(figures.select_related("location").order_by(trouble.desc(), "location__code")[:LISTED])
    facts = {
        "recipient_name": user.get_full_name() or user.get_username(),
        "week": name.partition("W")[2].lstrip("0"),
        "monday": week,
        "sunday": week + timedelta(days=6),
        "totals": _totals(figures),
        "rows": [_row(one) for one in sorted(rows, key=lambda one: one.location.code)],
        "more": count - len(rows),
    }
    return Message(to=user.email, language=first.language if first else "en", context=facts)


def _totals(figures: QuerySet[WeekAtLocation]) -> dict[str, object]:
    """Return the sums. The median is the middle location's, because medians cannot be added up."""
    found = figures.aggregate(
        locations=Count("pk"),
        deposits=Sum("deposits"),
        pickups=Sum("pickups"),
        expired=Sum("expired"),
        returned=Sum("returned"),
        faults=Sum("faults"),
        downtimes=Sum("downtimes"),
        down_for=Sum("down_for"),
        dead_messages=Sum("dead_messages"),
        average_use=Avg("average_use"),
        peak_use=Max("peak_use"),
    )
    halves = figures.filter(half_within__isnull=False).order_by("half_within")
    times = list(halves.values_list("half_within", flat=True))
    return _shown({**found, "half_within": times[len(times) // 2] if times else None})


def _row(figures: WeekAtLocation) -> dict[str, object]:
    names = {"location_name": figures.location.name, "location_code": figures.location.code}
    fields = [field.name for field in WeekAtLocation._meta.concrete_fields if not field.is_relation]
    return names | _shown({field: getattr(figures, field) for field in fields})


def _shown(figures: dict[str, object]) -> dict[str, object]:
    """Return the figures with shares in percent and spans in hours."""
    for name in ("average_use", "peak_use"):
        share = figures[name]
        figures[name] = None if share is None else round(float(str(share)) * 100)
    for name in ("half_within", "down_for"):
        span = figures[name]
        figures[name] = round(span.total_seconds() / 3600, 1) if isinstance(span, timedelta) else None
    return figures
