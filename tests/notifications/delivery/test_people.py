"""Delivery to people as a whole: each message once, and what becomes of those that cannot be sent."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import ClassVar

import psycopg
import pytest
from django.core import mail
from django.db import connection
from pytest_django import Settings

from notifications.delivery import leases, people
from notifications.delivery.channel import Channel
from notifications.delivery.people import deliver_due
from notifications.delivery.providers import Routes
from notifications.delivery.runner import Counts
from notifications.errors import DeliveryError
from notifications.messages import Message
from notifications.models import Notification, Status
from notifications.sms import locmem
from tests.notifications.conftest import NOW, Put

pytestmark = pytest.mark.django_db


class ScriptedChannel(Channel):
    """Raises the errors of `script` one after the other, then accepts everything."""

    name: ClassVar[str] = "sms"
    script: ClassVar[list[Exception]] = []
    taken: ClassVar[list[int]] = []

    def send(self, notification: Notification, message: Message) -> str:
        if self.script:
            raise self.script.pop(0)
        self.taken.append(notification.pk)
        return "scripted"


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[ScriptedChannel]:
    ScriptedChannel.script = []
    ScriptedChannel.taken = []
    monkeypatch.setattr(people, "CHANNELS", {"sms": ScriptedChannel})
    return ScriptedChannel


def test_it_sends_what_is_due_and_records_it(put: Put) -> None:
    sms, email = put("sms"), put("email")

    counts = deliver_due(now=NOW)

    assert counts == Counts(claimed=2, sent=2)
    sms.refresh_from_db()
    assert (sms.status, sms.sent_at, sms.attempts, sms.provider_id) == (Status.SENT, NOW, 1, "locmem-1")
    assert (sms.provider, sms.sent_at) == ("first", NOW)
    assert (sms.lease_token, sms.leased_until, sms.reason) == (None, None, "")
    assert [(text.to, text.reference) for text in locmem.outbox] == [("+3725550000", f"stored-{sms.pk}")]
    assert [message.to for message in mail.outbox] == [["mari@example.com"]]
    email.refresh_from_db()
    assert email.provider == "locmem"
    assert email.provider_id == mail.outbox[0].extra_headers["Message-ID"]


def test_it_sends_nothing_twice_and_nothing_before_its_time(put: Put) -> None:
    put("sms")
    put("sms", next_attempt_at=NOW + timedelta(seconds=1))
    put("webhook")

    assert deliver_due(now=NOW).sent == 1
    assert deliver_due(now=NOW) == Counts()
    assert deliver_due(now=NOW + timedelta(seconds=1)).sent == 1


def test_the_most_urgent_goes_first_and_then_the_one_that_waits_longest(put: Put) -> None:
    late = put("sms", priority=5, next_attempt_at=NOW - timedelta(seconds=1))
    early = put("sms", priority=5, next_attempt_at=NOW - timedelta(hours=1))
    code = put("sms", priority=1, next_attempt_at=NOW)

    for sent in (1, 2, 3):
        deliver_due(now=NOW, limit=1)
        in_order = [f"stored-{row.pk}" for row in (code, early, late)]
        assert [text.reference for text in locmem.outbox] == in_order[:sent]


def test_a_new_code_does_not_wait_for_the_reminders_of_a_worker(
    put: Put, scripted: type[ScriptedChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker has reminders in its hands, and more wait, when a code comes: it goes before all that wait.

    The worker keeps its reminders for `BATCH_SECONDS`; what it has not sent by then goes behind the code.
    """
    reminders = [put("sms", kind="reminder", priority=5) for _ in range(people.BATCH_SIZE + 10)]
    codes: list[Notification] = []
    batches: list[leases.Batch] = []
    claim = leases.claim

    def noted(channel: str, size: int, clock: leases.Clock) -> leases.Batch:
        batches.append(claim(channel, size, clock))
        return batches[-1]

    def send(self: ScriptedChannel, notification: Notification, message: Message) -> str:
        self.taken.append(notification.pk)
        if len(self.taken) == 20:
            codes.append(put("sms", priority=1))
            batches[-1].clock._started -= leases.BATCH_SECONDS  # a provider that takes its time
        return "scripted"

    monkeypatch.setattr(people, "claim", noted)
    monkeypatch.setattr(scripted, "send", send)

    counts = deliver_due(now=NOW)

    assert counts.given_back == people.BATCH_SIZE - 20
    assert scripted.taken.index(codes[0].pk) == 20, "after what was sent, before all that waits"
    assert sorted(scripted.taken) == sorted(row.pk for row in [*reminders, *codes])


def test_another_worker_sends_a_new_code_at_once(put: Put) -> None:
    """While reminders without number wait, and fifty are in the hands of a first worker."""
    for _ in range(people.BATCH_SIZE + 30):
        put("sms", kind="reminder", priority=5, next_attempt_at=NOW - timedelta(hours=1))
    busy = leases.claim("sms", people.BATCH_SIZE, leases.Clock(NOW))
    assert len(busy.rows) == people.BATCH_SIZE
    code = put("sms", priority=1)

    batch = leases.claim("sms", people.BATCH_SIZE, leases.Clock(NOW))

    assert batch.rows[0].pk == code.pk
    assert len(batch.rows) == 31


def test_without_a_given_time_it_goes_by_the_clock_of_the_database(put: Put) -> None:
    row = put("sms")
    Notification.objects.filter(pk=row.pk).update(next_attempt_at=leases.Clock().now())

    assert deliver_due().sent == 1
    row.refresh_from_db()
    assert row.sent_at is not None
    assert row.sent_at >= row.next_attempt_at


def test_a_run_stops_at_its_limit_and_says_so(put: Put) -> None:
    for _ in range(5):
        put("sms")

    assert deliver_due(now=NOW, limit=3) == Counts(claimed=3, sent=3, unfinished=True)
    assert deliver_due(now=NOW, seconds=0) == Counts(unfinished=True)
    assert deliver_due(now=NOW) == Counts(claimed=2, sent=2)


def test_a_passing_failure_is_tried_again_later(put: Put, scripted: type[ScriptedChannel]) -> None:
    row = put("sms")
    scripted.script = [DeliveryError("gateway: HTTP 503", retry_after=90)]

    assert deliver_due(now=NOW) == Counts(claimed=1, retried=1)

    row.refresh_from_db()
    assert (row.status, row.attempts, row.reason) == (Status.PENDING, 1, "gateway: HTTP 503")
    assert row.next_attempt_at == NOW + timedelta(seconds=90)
    assert deliver_due(now=NOW + timedelta(seconds=89)) == Counts()
    assert deliver_due(now=NOW + timedelta(seconds=90)) == Counts(claimed=1, sent=1)
    row.refresh_from_db()
    assert (row.attempts, row.reason) == (2, "")


def test_a_lasting_failure_is_dead_at_once_with_its_reason(put: Put, scripted: type[ScriptedChannel]) -> None:
    row = put("sms")
    scripted.script = [DeliveryError("No such number +372 555 0000, code 4821 7730", permanent=True)]

    assert deliver_due(now=NOW) == Counts(claimed=1, dead=1)

    row.refresh_from_db()
    assert row.status == Status.DEAD
    assert row.reason == "No such number …, code …"
    assert deliver_due(now=NOW + timedelta(days=1)) == Counts()


def test_after_the_last_attempt_a_message_is_dead(
    put: Put, scripted: type[ScriptedChannel], settings: Settings
) -> None:
    settings.NOTIFICATION_MAX_ATTEMPTS = 3
    row = put("sms")
    scripted.script = [DeliveryError("away", channel_failed=False) for _ in range(9)]

    runs = [deliver_due(now=NOW + timedelta(hours=hour)) for hour in range(4)]

    assert [(run.retried, run.dead) for run in runs] == [(1, 0), (1, 0), (0, 1), (0, 0)]
    row.refresh_from_db()
    assert row.reason == "Given up after 3 attempts: away"


def test_a_message_that_kills_its_workers_is_given_up_too(put: Put, settings: Settings) -> None:
    settings.NOTIFICATION_MAX_ATTEMPTS = 3
    row = put("sms")
    for hour in range(3):
        leases.claim("sms", 1, leases.Clock(NOW + timedelta(hours=hour)))

    assert deliver_due(now=NOW + timedelta(hours=3)) == Counts(claimed=1, dead=1)
    assert locmem.outbox == []
    row.refresh_from_db()
    assert row.reason == "Given up: the worker was lost at each of 3 attempts"


def test_a_message_whose_reason_has_gone_is_suppressed(put: Put) -> None:
    row = put("sms", context={"answer": "suppressed"})

    assert deliver_due(now=NOW) == Counts(claimed=1, suppressed=1)

    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.SUPPRESSED, "the parcel was collected")
    assert locmem.outbox == []


def test_one_that_cannot_be_composed_does_not_harm_the_others(put: Put) -> None:
    bad = put("sms", context={"answer": "raise"})
    mute = put("sms", context={"answer": "missing"})
    stranger = put("sms", subject="nobody:1")
    good = [put("sms") for _ in range(3)]

    assert deliver_due(now=NOW) == Counts(claimed=6, sent=3, retried=3)

    assert {text.reference for text in locmem.outbox} == {f"stored-{row.pk}" for row in good}
    reasons = dict(Notification.objects.filter(status=Status.PENDING).values_list("pk", "reason"))
    assert reasons == {
        bad.pk: "LookupError while composing",
        mute.pk: "The composer gave no answer for it",
        stranger.pk: "No composer knows its subject",
    }


def test_a_composer_that_is_not_there_loses_no_message(put: Put, settings: Settings) -> None:
    settings.NOTIFICATION_COMPOSERS = {"thing": "tests.notifications.no_such.compose"}
    put("sms")

    assert deliver_due(now=NOW) == Counts(claimed=1, retried=1)


def test_a_missing_template_is_our_fault_and_not_the_providers(put: Put) -> None:
    rows = [put("sms", kind="no_such_kind") for _ in range(6)]
    put("sms")

    assert deliver_due(now=NOW) == Counts(claimed=7, sent=1, retried=6)
    rows[0].refresh_from_db()
    assert rows[0].reason == "TemplateDoesNotExist while sending"


def test_what_takes_too_long_goes_back_for_others_to_take(put: Put, scripted: type[ScriptedChannel]) -> None:
    rows = [put("sms") for _ in range(4)]
    batch = leases.claim("sms", 50, leases.Clock(NOW))

    class SlowChannel(ScriptedChannel):
        def send(self, notification: Notification, message: Message) -> str:
            batch.clock._started -= 1.5
            return super().send(notification, message)

    counts = Counts()
    people.BatchRunner(Routes(SlowChannel), counts).run(batch)

    assert (counts.sent, counts.given_back) == (2, 2)
    for row in rows[2:]:
        row.refresh_from_db()
        assert (row.status, row.attempts, row.next_attempt_at) == (Status.PENDING, 0, NOW)


def test_after_its_lease_a_worker_that_slept_sends_nothing_and_overwrites_nothing(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    rows = [put("sms") for _ in range(2)]
    sleeper = leases.claim("sms", 50, leases.Clock(NOW))
    sleeper.clock._started -= 61
    other = leases.claim("sms", 50, leases.Clock(NOW + timedelta(seconds=61)))

    counts = Counts()
    people.BatchRunner(Routes(scripted), counts).run(sleeper)

    assert scripted.taken == []
    assert (counts.sent, counts.given_back, counts.lost) == (0, 0, 0)
    assert set(Notification.objects.values_list("lease_token", flat=True)) == {other.token}
    assert all(other.sent(row, "") for row in rows)


def test_a_result_that_comes_after_the_lease_is_not_written_down(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    row = put("sms")
    sleeper = leases.claim("sms", 1, leases.Clock(NOW))
    other = leases.claim("sms", 1, leases.Clock(NOW + timedelta(seconds=61)))

    counts = Counts()
    people.BatchRunner(Routes(scripted), counts).run(sleeper)

    assert counts.lost == 1
    row.refresh_from_db()
    assert (row.status, row.lease_token, row.attempts) == (Status.SENDING, other.token, 2)


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_each_message_once(put: Put) -> None:
    rows = [put(channel) for channel in ("sms", "email") for _ in range(150)]
    start = threading.Barrier(8)
    total: Counter[str] = Counter()

    def work() -> None:
        start.wait()
        try:
            counts = deliver_due(now=NOW)
            # On a busy machine a batch takes too long, and its rest is given back and claimed again.
            claimed = counts.claimed - counts.given_back
            total.update(claimed=claimed, sent=counts.sent, lost=counts.lost)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert total == Counter(claimed=300, sent=300, lost=0)
    references = [text.reference for text in locmem.outbox]
    references += [f"stored-{message.extra_headers['X-Notification-Id']}" for message in mail.outbox]
    assert sorted(references) == sorted(f"stored-{row.pk}" for row in rows)
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.SENT}


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_while_a_message_is_sent_causes_no_second_one(
    put: Put, scripted: type[ScriptedChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = put("sms")
    pid = connection.connection.info.backend_pid
    parameters = {key: value for key, value in connection.get_connection_params().items() if key in _DSN}
    monkeypatch.setattr(leases, "RECORD_WAIT", 0.01)

    def send(self: ScriptedChannel, notification: Notification, message: Message) -> str:
        with psycopg.connect(**parameters) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return "taken"

    monkeypatch.setattr(scripted, "send", send)

    assert deliver_due(now=NOW) == Counts(claimed=1, sent=1)
    row.refresh_from_db()
    assert (row.status, row.provider_id) == (Status.SENT, "taken")


_DSN = {"dbname", "user", "password", "host", "port"}
