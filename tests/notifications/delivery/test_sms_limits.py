"""SMS limits: every SMS is counted once, before it is sent, and none is sent over a limit."""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from pytest_django import Settings

from notifications.delivery import leases, people, sms_limits
from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.errors import DeliveryError
from notifications.messages import Message, Payer
from notifications.models import Notification, Status, Tally
from notifications.sms import locmem
from notifications.sms.channel import SmsChannel
from notifications.text import rendering
from tests.notifications.conftest import NOW, Put

pytestmark = pytest.mark.django_db
PAYER = {"payer": "courier:dpd"}
KEY = "payer:2026-11-20:courier:dpd"


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.SMS_COUNTRIES = frozenset()
    settings.SMS_PRICES = {"default": Decimal("0.10"), "LV": Decimal("0.045")}
    settings.SMS_DAILY_CAP = 0.35
    settings.SMS_PER_PACKAGE = settings.SMS_PER_NUMBER = 50


@pytest.fixture
def sms_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the emails that are sent instead in the outbox."""
    monkeypatch.setattr(people, "CHANNELS", {"sms": SmsChannel})


def reason(row: Notification) -> str:
    row.refresh_from_db()
    return row.reason


def test_what_is_counted_is_what_is_sent(put: Put, sms_only: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One text for both, made once."""
    made = []
    render = rendering._sms

    def count(kind: str, message: Message) -> str:
        made.append(kind)
        return render(kind, message)

    monkeypatch.setattr(rendering, "_sms", count)
    for _ in range(3):
        put("sms", context=PAYER)
    assert deliver_due(now=NOW) == Counts(claimed=3, sent=3)
    assert made == ["stored"] * 3


def test_over_the_daily_cap_nothing_is_sent_until_the_next_day(
    put: Put, sms_only: None, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [put("sms", context=PAYER) for _ in range(6)]
    with caplog.at_level(logging.WARNING, "notifications.delivery.sms_limits"):
        assert deliver_due(now=NOW) == Counts(claimed=6, sent=3, suppressed=3)
    assert len(locmem.outbox) == 3
    assert reason(rows[5]) == "the courier's daily cap for SMS is reached"
    assert len(caplog.records) == 1
    assert KEY in caplog.text
    tally = Tally.objects.get(pk=KEY)
    assert (tally.used, tally.refused) == (Decimal("0.3"), 3)

    other, again = put("sms", context={"payer": "courier:omniva"}), put("sms", context=PAYER)
    assert deliver_due(now=NOW) == Counts(claimed=2, sent=1, suppressed=1)
    assert (reason(other), bool(reason(again))) == ("", True)
    assert len(caplog.records) == 1

    put("sms", context=PAYER)
    assert deliver_due(now=NOW + timedelta(days=1)) == Counts(claimed=1, sent=1)


@pytest.mark.parametrize(("cap", "sent"), [("0", 0), ("0.1", 1), ("0.2", 2), ("9", 4)])
def test_a_payer_may_have_a_cap_of_its_own(put: Put, cap: str, sent: int) -> None:
    rows = [put("sms") for _ in range(4)]
    batch = leases.claim("sms", 50, leases.Clock(NOW))
    paid = Message(to="+3725550000", language="en", payer=Payer("courier:dpd", Decimal(cap)))
    refused = sms_limits.charge(batch, {row.pk: paid for row in rows})
    assert sorted(refused) == [row.pk for row in rows[sent:]]


def test_a_price_is_that_of_the_country_for_each_segment(put: Put, settings: Settings) -> None:
    settings.SMS_DAILY_CAP = 10
    put("sms", context={**PAYER, "to": "+37121234567"})
    deliver_due(now=NOW)
    assert Tally.objects.get(pk=KEY).used == Decimal("0.045")
    put("sms", context={**PAYER, "facts": {"location_name": "Ж" * 20}})
    deliver_due(now=NOW)
    parts = sms_limits.segments(locmem.outbox[-1].text)
    assert parts > 1
    assert Tally.objects.get(pk=KEY).used == Decimal("0.045") + parts * Decimal("0.10")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("Ж" * 70, 1),
        ("Ж" * 71, 2),
        ("😀" * 36, 2),
    ],
)
def test_segments(text: str, count: int) -> None:
    assert sms_limits.segments(text) == count


def test_the_daily_limit_of_a_number_counts_all_payers(put: Put, settings: Settings) -> None:
    settings.SMS_PER_NUMBER = 2
    rows = [put("sms", context={"payer": f"courier:{number}"}) for number in range(3)]
    put("sms", context={**PAYER, "to": "+3725550001"})
    assert deliver_due(now=NOW) == Counts(claimed=4, sent=3, suppressed=1)
    assert reason(rows[2]) == "the daily limit of SMS to this number is reached"
    assert not Tally.objects.filter(pk__contains="5550000").exists()
    assert not Tally.objects.filter(pk="payer:2026-11-20:courier:2", used__gt=0).exists()


def test_the_limit_of_a_package_is_for_good(put: Put, sms_only: None, settings: Settings) -> None:
    settings.SMS_PER_PACKAGE = 2
    rows = [put("sms", subject="thing:1", context=PAYER) for _ in range(3)]
    assert deliver_due(now=NOW) == Counts(claimed=3, sent=2, suppressed=1)
    assert reason(rows[2]) == "the limit of SMS about this package is reached"
    put("sms", subject="thing:1", context=PAYER)
    assert deliver_due(now=NOW + timedelta(days=3)) == Counts(claimed=1, suppressed=1)


def test_only_countries_that_are_named_get_sms_and_the_email_goes(put: Put, settings: Settings) -> None:
    settings.SMS_COUNTRIES = frozenset(["EE"])
    put("sms", context=PAYER)
    numbers = {"+37121234567": "LV", "+99912345678": "?", "+88213300655": "001"}
    refused = [(put("sms", context={**PAYER, "to": to}), country) for to, country in numbers.items()]
    put("email", context=PAYER)
    assert deliver_due(now=NOW) == Counts(claimed=5, sent=2, suppressed=3)
    assert [sms.to for sms in locmem.outbox] == ["+3725550000"]
    assert len(mail.outbox) == 1
    for row, country in refused:
        assert reason(row) == f"no SMS are sent to numbers in this country ({country})"


def test_it_is_counted_once_however_often_it_is_tried(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(SmsChannel):
        def send(self, notification: Notification, message: Message) -> str:
            raise DeliveryError("away", channel_failed=False)

    row = put("sms", context=PAYER)
    with monkeypatch.context() as patch:
        patch.setattr(people, "CHANNELS", {"sms": Failing})
        for hour in range(5):
            assert deliver_due(now=NOW + timedelta(hours=hour)).retried == 1
    assert deliver_due(now=NOW + timedelta(hours=6)).sent == 1
    assert Tally.objects.get(pk=KEY).used == Decimal("0.1")
    row.refresh_from_db()
    assert row.charged_at == NOW

    Notification.objects.filter(pk=row.pk).again()
    assert deliver_due().sent == 1
    assert sum(Tally.objects.filter(pk__startswith="payer:").values_list("used", flat=True)) == Decimal("0.2")


def test_a_worker_that_dies_after_counting_leaves_it_counted_once(put: Put) -> None:
    row = put("sms", context=PAYER)
    dead = leases.claim("sms", 50, leases.Clock(NOW))
    paid = Message("+3725550000", "en", payer=Payer("courier:dpd"))
    assert sms_limits.charge(dead, {row.pk: paid}) == {}
    later = NOW + leases.LEASE
    assert deliver_due(now=later) == Counts(claimed=1, sent=1)
    assert sms_limits.charge(dead, {row.pk: paid}) == {}  # it wakes up, and has lost its lease
    assert Tally.objects.get(pk=KEY).used == Decimal("0.1")


def test_without_a_payer_there_is_no_limit(put: Put) -> None:
    for _ in range(60):
        put("sms")
    assert deliver_due(now=NOW).sent == 60
    assert not Tally.objects.exists()


def test_a_text_that_cannot_be_rendered_is_our_fault(put: Put) -> None:
    row = put("sms", kind="no_such_kind", context=PAYER)
    put("sms", context=PAYER)
    assert deliver_due(now=NOW) == Counts(claimed=2, sent=1, retried=1)
    assert reason(row) == "TemplateDoesNotExist while sending"
    assert row.status == Status.PENDING


def test_old_counters_are_deleted() -> None:
    today = leases.Clock().now().date()
    for days in (0, 59, 62):
        Tally.objects.create(pk=f"subject:{days}", day=today - timedelta(days=days))
    assert sms_limits.purge() == 1
    assert set(Tally.objects.values_list("pk", flat=True)) == {"subject:0", "subject:59"}
