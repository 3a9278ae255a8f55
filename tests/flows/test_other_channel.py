"""A code reaches its recipient by the other channel where one has failed for good, and reaches them once."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from pytest_django import Settings

from common.clock import database_now
from lockers.models import Location
from notifications.delivery.people import deliver_due
from notifications.models import Notification
from packages_app.messaging import preferences
from packages_app.models import Package
from tests.notifications.conftest import gateway, smtp
from tests.notifications.providers import SmsGateway, SmtpServer
from tests.world import Api, courier_api, kiosk_api, make_courier, make_kiosk, make_location, parcel

__all__ = ["gateway", "smtp"]

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED: Any = (400, {}, "no such number")
PHONE = "+3725551234"


@pytest.fixture
def location() -> Location:
    mail.outbox.clear()
    return make_location()


@pytest.fixture
def api() -> Api:
    return courier_api(make_courier(), codes_read=True)


def later() -> datetime:
    return database_now() + timedelta(seconds=60)


def bring(api: Api, location: Location, **recipient: object) -> Any:
    return api.post(
        "/lockers/assign", parcel(location, recipient={"name": "Mari Maasikas", **recipient})
    ).json()


def statuses() -> dict[str, str]:
    """Of each message, by its key without the number of the event."""
    rows = Notification.objects.exclude(channel="webhook").order_by("id")
    return {
        f"{'instead ' if row.dedup_key.startswith('instead:') else ''}{row.kind} {row.channel}": row.status
        for row in rows
    }


def audit() -> None:
    out = StringIO()
    call_command("audit", "--json", stdout=out)
    assert json.loads(out.getvalue())["violations"] == 0


def test_a_wrong_number_and_a_good_email(api: Api, location: Location, gateway: SmsGateway) -> None:
    bring(api, location, email="mari@example.com", phone=PHONE)
    gateway.moods = [REFUSED]
    deliver_due(now=later())
    deliver_due(now=later())
    assert statuses() == {"stored email": "sent", "stored sms": "dead"}
    assert len(mail.outbox) == 1
    audit()


def test_who_wants_sms_only_and_gave_a_wrong_number_gets_the_code_by_email(
    api: Api, location: Location, gateway: SmsGateway
) -> None:
    package = bring(api, location, email="mari@example.com", phone=PHONE)
    assert preferences.choose_channel(Package.objects.get().recipient, "sms")
    gateway.moods = [REFUSED] * 2
    deliver_due(now=later())
    deliver_due(now=later())
    assert statuses() == {"stored email": "suppressed", "stored sms": "dead", "instead stored email": "sent"}
    (message,) = mail.outbox
    digits = package["pickup_code"]
    assert f"{digits[:4]} {digits[4:]}" in message.body

    # The receipt shows no code: there the recipient's choice holds.
    assert kiosk_api(make_kiosk(location)).post("/pickup", {"code": digits}).status_code == 200
    deliver_due(now=later())
    deliver_due(now=later())
    assert {key: status for key, status in statuses().items() if "retrieved" in key} == {
        "retrieved email": "suppressed",
        "retrieved sms": "dead",
    }
    assert len(mail.outbox) == 1
    audit()


def test_what_the_courier_wants_by_one_channel_goes_by_the_other_when_that_fails(
    api: Api, location: Location, gateway: SmsGateway, smtp: SmtpServer
) -> None:
    bring(api, location, email="unknown@example.com", phone=PHONE, channels=["email"])
    deliver_due(now=later())
    deliver_due(now=later())
    assert statuses() == {"stored email": "dead", "instead stored sms": "sent"}
    assert [form["to"] for form in gateway.taken] == [PHONE]
    audit()


def test_without_another_address_it_is_dead_and_that_is_all(
    api: Api, location: Location, gateway: SmsGateway
) -> None:
    bring(api, location, phone=PHONE)
    gateway.moods = [REFUSED]
    deliver_due(now=later())
    assert deliver_due(now=later()).claimed == 0
    assert statuses() == {"stored sms": "dead"}


def test_what_was_collected_before_the_email_went_is_not_told(
    api: Api, location: Location, gateway: SmsGateway
) -> None:
    package = bring(api, location, email="mari@example.com", phone=PHONE, channels=["sms"])
    gateway.moods = [REFUSED]
    deliver_due(now=later(), limit=1)
    code = {"code": package["pickup_code"]}
    assert kiosk_api(make_kiosk(location)).post("/pickup", code).status_code == 200
    deliver_due(now=later())
    assert statuses()["instead stored email"] == "suppressed"
    assert mail.outbox == []


def test_an_sms_to_a_country_that_gets_none_is_an_email(
    api: Api, location: Location, gateway: SmsGateway, settings: Settings
) -> None:
    settings.SMS_COUNTRIES = frozenset(["LV"])
    bring(api, location, email="mari@example.com", phone=PHONE, channels=["sms"])
    deliver_due(now=later())
    deliver_due(now=later())
    assert statuses() == {"stored sms": "suppressed", "instead stored email": "sent"}
    assert gateway.taken == []
    audit()
