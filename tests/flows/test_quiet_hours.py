"""In a location's quiet hours no telephone rings, but for what somebody waits for; e-mails go out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError

from common.clock import database_now
from lockers.models import Location
from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.models import Notification
from notifications.sms import locmem
from packages_app.models import Courier
from tests.world import Api, courier_api, kiosk_api, make_courier, make_kiosk, make_location, parcel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now() -> datetime:
    return database_now() + timedelta(seconds=60)


@pytest.fixture
def location(now: datetime) -> Location:
    """Quiet from an hour ago for two hours more."""
    location = make_location(time_zone="Asia/Kathmandu")
    local = now.astimezone(location.zone)
    location.quiet_from = (local - timedelta(hours=1)).time()
    location.quiet_until = (local + timedelta(hours=2)).time()
    location.save()
    locmem.outbox.clear()
    return location


@pytest.fixture
def courier(location: Location) -> Courier:
    return make_courier()


@pytest.fixture
def api(courier: Courier) -> Api:
    return courier_api(courier, codes_read=True)


def test_the_sms_waits_and_the_email_does_not(api: Api, location: Location, now: datetime) -> None:
    api.post("/lockers/assign", parcel(location))
    assert deliver_due(now=now) == Counts(claimed=2, sent=1, postponed=1)
    assert (len(mail.outbox), locmem.outbox) == (1, [])
    waiting = Notification.objects.get(channel="sms")
    assert (waiting.status, waiting.attempts) == ("pending", 0)
    assert waiting.reason == "Waits for the end of quiet hours"
    assert abs(waiting.next_attempt_at - (now + timedelta(hours=2))) < timedelta(seconds=1)
    assert deliver_due(now=now + timedelta(minutes=119)) == Counts()
    assert deliver_due(now=now + timedelta(minutes=121)) == Counts(claimed=1, sent=1)
    assert len(locmem.outbox) == 1


def test_what_somebody_waits_for_goes_out(api: Api, location: Location, now: datetime) -> None:
    package = api.post("/lockers/assign", parcel(location)).json()
    deliver_due(now=now)
    api.post(f"/packages/{package['id']}/resend-code")
    deliver_due(now=now)
    assert [sms.reference.rpartition("-")[0] for sms in locmem.outbox] == ["code_renewed"]


def test_what_was_collected_meanwhile_is_not_told_in_the_morning(
    api: Api, location: Location, now: datetime
) -> None:
    package = api.post("/lockers/assign", parcel(location)).json()
    deliver_due(now=now)
    answer = kiosk_api(make_kiosk(location)).post("/pickup", {"code": package["pickup_code"]})
    assert answer.status_code == 200
    deliver_due(now=now + timedelta(hours=3))
    told = {row.kind: row.status for row in Notification.objects.filter(channel="sms")}
    assert told == {"stored": "suppressed", "retrieved": "sent"}


def test_without_quiet_hours_nothing_waits(api: Api, now: datetime) -> None:
    locmem.outbox.clear()
    api.post("/lockers/assign", parcel(make_location("OTHER")))
    assert deliver_due(now=now) == Counts(claimed=2, sent=2)


@pytest.mark.parametrize(("begin", "end"), [("21:00", None), (None, "08:00"), ("08:00", "08:00")])
def test_half_of_them_are_refused(begin: str | None, end: str | None) -> None:
    location = make_location()
    location.quiet_from, location.quiet_until = begin, end
    with pytest.raises(ValidationError, match="a start and an end"):
        location.full_clean()
