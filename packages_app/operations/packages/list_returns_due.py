"""Send couriers the list of packages to take back, each morning."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q

from common.operation import Step, Sweep
from common.sql import fetch
from lockers.models import Location
from notifications import outbox
from packages_app.life import announcements
from packages_app.messaging import return_lists
from packages_app.models import Courier, EventType, Package, Webhook
from packages_app.sql.return_lists import TAKE_DAY


@Sweep
def list_returns_due(*, now: datetime) -> int:
    """Send a list to each courier with packages to take back, where it is morning; return how many lists.

    Once in a day of the location's calendar, from its `morning_hour` on, or later if Celery beat was down at
    that hour: by email to `return_list_email`, and to webhooks as `returns.list`. Each location is a
    transaction, so that two runs at once, or a killed one, tell nobody twice.
    """
    lists = 0
    for zone in Location.objects.order_by().values_list("time_zone", flat=True).distinct():
        local = now.astimezone(ZoneInfo(zone))
        due = Location.objects.filter(time_zone=zone, morning_hour__lte=local.hour)
        for location in due.exclude(return_list_day__day__gte=local.date()):
            lists += _list(location=location, day=local.date())
    return lists


@Step
def _list(*, location: Location, day: date) -> int:
    if not fetch(TAKE_DAY, {"location_id": location.pk, "day": day}):
        return 0
    waiting = Package.objects.to_return().filter(location=location).order_by()
    reachable = ~Q(return_list_email="") | Exists(Webhook.objects.filter(courier=OuterRef("pk")))
    couriers = Courier.objects.filter(reachable, pk__in=waiting.values("courier"))
    for courier in couriers:
        _tell(courier, location, day)
    return len(couriers)


def _tell(courier: Courier, location: Location, day: date) -> None:
    announcements.announce(
        courier_id=courier.pk,
        event_type=EventType.RETURNS_LIST,
        subject=f"returns:{location.pk}",
        cause=f"returns:{location.pk}:{day}",
        facts=return_lists.facts(location, courier.pk, day=day.isoformat()),
    )
    if courier.return_list_email:
        subject = return_lists.subject(location.pk, courier.pk)
        outbox.enqueue(
            kind="return_list", channels=["email"], subject=subject, dedup_prefix=f"{subject}:{day}"
        )
