"""Fallback: another channel where one has failed for good, once for each cause, in the same transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import OperationalError, connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from common.wakeup import nudge
from notifications.channels.people import ADDRESS_FIELDS
from notifications.channels.registry import CHANNELS, ChannelInfo
from notifications.composing import Composed
from notifications.delivery import fallback, leases, people
from notifications.delivery.fallback import fall_back, fall_back_here
from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.email.channel import EmailChannel
from notifications.errors import DeliveryError
from notifications.messages import Suppressed
from notifications.models import Notification, Status
from notifications.sms import locmem
from tests.notifications.conftest import NOW, Put
from tests.notifications.delivery.test_people import ScriptedChannel, scripted
from tests.notifications.providers import SmsGateway, SmtpServer

__all__ = ["scripted"]

pytestmark = pytest.mark.django_db
NOBODY: list[Exception] = [DeliveryError("no such number", permanent=True)]
UNKNOWN = {"to": "unknown@example.com"}


def soon() -> datetime:
    """Return when a message written just now is due."""
    return leases.Clock().now() + timedelta(seconds=1)


def instead() -> list[tuple[str, str, str]]:
    rows = Notification.objects.filter(dedup_key__startswith="instead:").order_by("id")
    return list(rows.values_list("channel", "dedup_key", "status"))


def dead(put: Put, channel: str, **fields: object) -> Notification:
    return put(channel, status=Status.DEAD, reason="no such number", **fields)


def test_a_number_that_does_not_exist_gets_an_email(
    put: Put,
    gateway: SmsGateway,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    row = put(dedup_key="event:7:sms", priority=1, context={"until": "x"})
    gateway.moods = [(400, {}, "no such number")]
    with django_capture_on_commit_callbacks() as callbacks:
        assert deliver_due(now=NOW) == Counts(claimed=1, dead=1)
    assert nudge in callbacks

    assert deliver_due(now=soon()) == Counts(claimed=1, sent=1)
    assert [message.to for message in mail.outbox] == [["mari@example.com"]]
    assert "4821 7730" in mail.outbox[0].body
    sent = Notification.objects.get(dedup_key="instead:event:7:email")
    assert (sent.status, sent.kind, sent.subject) == (Status.SENT, row.kind, row.subject)
    assert (sent.priority, sent.context) == (1, {"until": "x", "instead_of": row.pk})


def test_an_email_that_is_refused_for_good_becomes_an_sms_if_it_has_a_code(
    put: Put, smtp: SmtpServer
) -> None:
    put("email", dedup_key="event:7:email", context=UNKNOWN)
    put("email", dedup_key="event:8:email", context={**UNKNOWN, "without": ["code"]})
    assert deliver_due(now=NOW) == Counts(claimed=2, dead=2)
    assert instead() == [("sms", "instead:event:7:sms", Status.PENDING)]


def test_attempts_that_are_used_up_are_a_failure_for_good_too(
    put: Put, scripted: type[ScriptedChannel], settings: Settings
) -> None:
    settings.NOTIFICATION_MAX_ATTEMPTS = 2
    put(dedup_key="event:7:sms")
    scripted.script = [DeliveryError("away", channel_failed=False) for _ in range(2)]
    assert deliver_due(now=NOW).retried == 1
    assert instead() == []
    assert deliver_due(now=NOW + timedelta(hours=1)).dead == 1
    assert instead() == [("email", "instead:event:7:email", Status.PENDING)]


@pytest.mark.parametrize("status", [Status.PENDING, Status.SENT, Status.DEAD])
def test_a_channel_gets_no_message_twice(put: Put, status: Status) -> None:
    fields: dict[str, object] = {"sent_at": NOW} if status == Status.SENT else {"reason": "x"}
    put("email", dedup_key="event:7:email", status=status, **fields)
    row = dead(put, "sms", dedup_key="event:7:sms")
    assert not fall_back(row)
    assert instead() == []


def test_it_happens_once_however_often_it_is_called(put: Put) -> None:
    row = dead(put, "sms", dedup_key="event:7:sms")
    assert fall_back(row)
    assert not fall_back(row)
    assert len(instead()) == 1


def test_a_substitute_that_failed_too_is_not_sent_again(
    put: Put, scripted: type[ScriptedChannel], smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "CHANNELS", {"sms": scripted, "email": EmailChannel})
    put(dedup_key="event:7:sms", context=UNKNOWN)
    scripted.script = list(NOBODY)
    assert deliver_due(now=NOW).dead == 1
    assert deliver_due(now=soon()).dead == 1
    assert [row[2] for row in instead()] == [Status.DEAD]
    assert deliver_due(now=soon()) == Counts()


def test_staff_who_send_again_what_was_dead_cause_no_second_email(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    row = put(dedup_key="event:7:sms")
    scripted.script = NOBODY * 2
    deliver_due(now=NOW)
    Notification.objects.filter(pk=row.pk).send_again()
    assert deliver_due(now=soon()).dead == 1
    assert len(instead()) == 1


@pytest.mark.parametrize(
    ("channel", "context"),
    [("sms", {"answer": "suppressed"}), ("email", {"answer": "suppressed"}), ("email", {"answer": "raise"})],
)
def test_nothing_is_written_where_there_is_nothing_to_send(
    put: Put, channel: str, context: dict[str, str]
) -> None:
    assert not fall_back(dead(put, channel, context=context))
    assert instead() == []


def test_an_email_that_nobody_can_compose_just_now_is_composed_later(
    put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    assert fall_back(dead(put, "sms", dedup_key="event:7:sms", context={"answer": "raise"}))
    assert len(instead()) == 1
    assert "could not be composed" in caplog.text


def test_a_statement_of_a_composer_that_fails_does_not_end_the_transaction(
    put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"answer": "sql", "sql": "SELECT 1/0"}
    assert fall_back(dead(put, "sms", dedup_key="event:7:sms", context=broken))
    assert instead() == [("email", "instead:event:7:email", Status.PENDING)]
    assert "could not be composed" in caplog.text
    assert not fall_back(dead(put, "email", context=broken))


def test_a_database_that_fails_while_composing_has_the_whole_tried_again(put: Put) -> None:
    stuck = {"answer": "sql", "sql": "SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)"}
    row = dead(put, "sms", context=stuck)
    with pytest.raises(OperationalError):
        fall_back(row)
    assert instead() == []


def test_composers_are_asked_about_a_row_that_stands_in_the_outbox(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They compare it with the others about its subject."""
    found: list[int] = []

    def compose(rows: list[Notification]) -> dict[int, Composed]:
        found.extend(
            Notification.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
        )
        return {row.pk: Suppressed("nothing new") for row in rows}

    monkeypatch.setattr(fallback, "compose", compose)
    assert not fall_back(dead(put, "sms"))
    assert len(found) == 1
    assert instead() == []


def test_a_webhook_has_no_other_channel(put: Put) -> None:
    row = dead(put, "webhook", dedup_key="webhook:1:event:7")
    assert not fall_back(row)
    fall_back_here(row)
    assert instead() == []


def test_a_code_overrides_preferences_when_the_other_channel_fails(put: Put) -> None:
    unwanted = {"unwanted": "email"}
    email = put("email", dedup_key="event:7:email", context=unwanted)
    assert deliver_due(now=NOW) == Counts(claimed=1, suppressed=1)
    assert instead() == []
    assert fall_back(dead(put, "sms", dedup_key="event:7:sms", context=unwanted))
    assert deliver_due(now=soon()).sent == 1
    email.refresh_from_db()
    assert email.status == Status.SUPPRESSED
    assert len(mail.outbox) == 1


def test_also_when_the_other_channel_fails_before_it_is_known_to_be_unwanted(put: Put) -> None:
    unwanted = {"unwanted": "email"}
    put("email", dedup_key="event:7:email", context=unwanted)
    assert not fall_back(dead(put, "sms", dedup_key="event:7:sms", context=unwanted))
    assert deliver_due(now=NOW) == Counts(claimed=1, suppressed=1)
    assert instead() == [("email", "instead:event:7:email", Status.PENDING)]


def test_an_sms_over_a_limit_is_sent_by_email(put: Put, settings: Settings) -> None:
    settings.SMS_COUNTRIES = frozenset(["LV"])
    put(dedup_key="event:7:sms", context={"payer": "courier:dpd"})
    put(dedup_key="event:8:sms", context={"payer": "courier:dpd"})
    put("email", dedup_key="event:8:email", status=Status.SENT, sent_at=NOW)
    assert deliver_due(now=NOW) == Counts(claimed=2, suppressed=2)
    assert instead() == [("email", "instead:event:7:email", Status.PENDING)]
    assert locmem.outbox == []


def test_a_message_with_nothing_left_to_say_has_no_fallback(put: Put) -> None:
    put(dedup_key="event:7:sms", context={"answer": "suppressed"})
    assert deliver_due(now=NOW) == Counts(claimed=1, suppressed=1)
    assert instead() == []


def test_a_worker_that_has_lost_its_lease_writes_nothing(put: Put) -> None:
    row = put(dedup_key="event:7:sms")
    sleeper = leases.claim("sms", 1, leases.Clock(NOW))
    leases.claim("sms", 1, leases.Clock(NOW + timedelta(seconds=61)))
    assert not sleeper.end(row, Status.DEAD, "late", then=fall_back)
    assert instead() == []


def test_without_its_substitute_a_message_does_not_become_dead(
    put: Put, scripted: type[ScriptedChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = put(dedup_key="event:7:sms")
    scripted.script = list(NOBODY)

    def broken(notification: Notification) -> bool:
        fallback.fall_back(notification)
        raise RuntimeError

    monkeypatch.setattr(people, "fall_back", broken)
    with pytest.raises(RuntimeError):
        deliver_due(now=NOW)
    row.refresh_from_db()
    assert row.status == Status.SENDING
    assert instead() == []
    monkeypatch.undo()
    assert deliver_due(now=NOW + leases.LEASE).sent == 1


def together(*jobs: Callable[[], object]) -> None:
    start = threading.Barrier(len(jobs))

    def work(job: Callable[[], object]) -> None:
        try:
            start.wait()
            with transaction.atomic():
                job()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_two_that_end_at_the_same_moment_leave_one_message(put: Put) -> None:
    """The email is not wanted and the number does not exist; whichever ends first, one email is sent."""
    for number in range(25):
        unwanted = {"unwanted": "email"}
        email = put("email", dedup_key=f"event:{number}:email", context=unwanted)
        sms = put("sms", dedup_key=f"event:{number}:sms", context=unwanted)

        def refuse(row: Notification = sms) -> None:
            Notification.objects.filter(pk=row.pk).update(status=Status.DEAD, reason="no such number")
            fall_back(row)

        def suppress(row: Notification = email) -> None:
            Notification.objects.filter(pk=row.pk).update(status=Status.SUPPRESSED, reason="not wanted")
            fall_back_here(row)

        together(refuse, suppress)
        assert len(instead()) == number + 1


@pytest.fixture
def third_channel(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make webhooks a third channel for people, whose rows the database knows already."""
    monkeypatch.setitem(ADDRESS_FIELDS, "webhook", "phone")
    monkeypatch.setitem(CHANNELS, "webhook", ChannelInfo("", address_field="phone"))
    settings.NOTIFICATION_COMPOSERS["webhook"] = "tests.notifications.composers.compose"


@pytest.mark.usefixtures("third_channel")
def test_channels_stand_in_in_their_order_until_one_has_brought_it(put: Put) -> None:
    assert fall_back(dead(put, "sms", dedup_key="event:7:sms"))
    assert instead() == [("email", "instead:event:7:email", Status.PENDING)]
    email = Notification.objects.get(channel="email")
    assert not fall_back(put("webhook", dedup_key="event:7:webhook")), "the email may bring it yet"

    Notification.objects.filter(channel="webhook").delete()
    Notification.objects.filter(pk=email.pk).update(status=Status.DEAD, reason="unknown user")
    email.refresh_from_db()
    assert fall_back(email)
    assert [channel for channel, _, _ in instead()] == ["email", "webhook"]
    assert not fall_back(email)


@pytest.mark.usefixtures("third_channel")
def test_a_channel_that_has_nothing_to_say_is_passed_over(put: Put) -> None:
    row = dead(put, "email", dedup_key="event:8:email", context={"without": ["code"]})
    assert fall_back(row)
    assert [channel for channel, _, _ in instead()] == ["webhook"], "by SMS there are codes only"
