"""A stolen key sends SMS to numbers that earn from each: the bill ends at the cap, others feel nothing."""

from __future__ import annotations

import copy
import threading
import uuid
from decimal import Decimal

import pytest
from django.db import connection
from pytest_django import Settings

from common.clock import database_now
from notifications.delivery.people import deliver_due
from notifications.models import Notification, Tally
from notifications.sms import locmem
from packages_app.life.lifecycle import Status
from packages_app.models import Package, Recipient
from tests.world import courier_api, door, make_courier, make_location, make_package, parcel

pytestmark = pytest.mark.django_db(transaction=True)
CREATIONS = 10_000


def pump(package: Package) -> None:
    """As many packages like this one, each for a foreign number of its own, brought and taken out."""
    recipients = Recipient.objects.bulk_create(
        Recipient(name="Pump", phone=f"+2376{number:08}") for number in range(CREATIONS)
    )
    packages = [copy.copy(package) for _ in recipients]
    for number, (one, recipient) in enumerate(zip(packages, recipients, strict=True)):
        one.pk, one.tracking_number, one.recipient = uuid.uuid4(), f"PUMP-{number}", recipient
        one._state = copy.copy(package._state)
        one._state.adding = True
    Package.objects.bulk_create(packages, batch_size=2000)
    Notification.objects.bulk_create(
        Notification(
            kind="returned", channel="sms", subject=f"package:{one.pk}", dedup_key=f"pump:{one.pk}:sms"
        )
        for one in packages
    )


def test_ten_thousand_pumped_creations_stay_under_the_cap(settings: Settings) -> None:
    settings.SMS_PRICES = {"default": Decimal("0.10"), "CM": Decimal("0.30")}
    location, thief, honest = make_location(), make_courier("thief"), make_courier("honest")
    thief.sms_daily_cap = Decimal(20)
    thief.save()
    pump(make_package(thief, door(location, "S1"), Status.CANCELLED, stored=False))
    locmem.outbox.clear()

    now = database_now()  # stands still, or midnight might begin another day's cap

    def work() -> None:
        try:
            while deliver_due(now=now, limit=CREATIONS, seconds=60).claimed:
                pass
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(locmem.outbox) == 66  # of 0.30 each: 19.80
    assert Tally.objects.get(pk__endswith=":courier:thief").used == Decimal("19.8")
    told = Notification.objects.filter(dedup_key__startswith="pump:")
    assert (told.filter(status="sent").count(), told.filter(status="suppressed").count()) == (66, 9934)

    api = courier_api(honest)
    package = api.post("/lockers/assign", parcel(location)).json()
    deliver_due()
    items = api.get(f"/packages/{package['id']}/notifications").json()["items"]
    assert {(item["channel"], item["status"], item["reason"]) for item in items} == {
        ("email", "sent", None),
        ("sms", "sent", None),
    }


def test_the_courier_reads_why_and_sends_the_code_when_the_cap_is_raised() -> None:
    courier = make_courier()
    courier.sms_daily_cap = Decimal(0)
    courier.save()
    api = courier_api(courier)
    locmem.outbox.clear()
    package = api.post("/lockers/assign", parcel(make_location())).json()
    deliver_due()
    items = api.get(f"/packages/{package['id']}/notifications").json()["items"]
    assert {item["channel"]: (item["status"], item["reason"]) for item in items} == {
        "email": ("sent", None),
        "sms": ("suppressed", "the courier's daily cap for SMS is reached"),
    }
    assert locmem.outbox == []
    courier.sms_daily_cap = Decimal(1)
    courier.save()
    assert api.post(f"/packages/{package['id']}/resend-code").status_code == 202
    deliver_due()
    assert [sms.reference.rpartition("-")[0] for sms in locmem.outbox] == ["code_renewed"]
