"""Delivery of webhooks: in order, over days, and not delayed by other servers that are slow or dead."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import standardwebhooks
from django.db import connection
from pytest_django import Settings

from notifications.composing import compose
from notifications.delivery import leases
from notifications.delivery.people import deliver_due
from notifications.delivery.retry import WEBHOOK_ATTEMPTS
from notifications.delivery.runner import Counts
from notifications.models import Destination, Notification, Status
from notifications.sms import locmem
from notifications.sql import webhooks as webhook_statements
from notifications.webhooks import channel as webhook
from notifications.webhooks import destinations
from notifications.webhooks.delivery import deliver_webhooks
from tests.notifications.conftest import NOW, Put
from tests.notifications.endpoint_sink import EndpointSink

pytestmark = pytest.mark.django_db

Hook = Callable[..., Notification]
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def hooks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NOTIFICATION_COMPOSERS["webhook"] = "tests.notifications.composers.compose_hook"
    settings.WEBHOOK_ALLOW_PRIVATE = True
    monkeypatch.setattr(webhook, "TIMEOUT", 2.0)


@pytest.fixture
def hook(put: Put, sink: EndpointSink) -> Hook:
    """`hook(endpoint, queue)` makes a message to the sink's path /<endpoint>, due at `NOW`."""

    def hook(endpoint: int = 1, queue: str = "", **fields: Any) -> Notification:
        subject = f"hook:{endpoint}"
        Destination.objects.get_or_create(subject=subject)
        context = {"url": sink.url(f"/{endpoint}"), **fields.pop("context", {})}
        return put("webhook", subject=subject, queue=queue, context=context, **fields)

    return hook


def sent(sink: EndpointSink, endpoint: int | None = None) -> list[int]:
    """Return the numbers of the messages in the order in which they arrived."""
    return [int(taken.body) for taken in sink.taken if endpoint is None or taken.path == f"/{endpoint}"]


def state(endpoint: int = 1) -> Destination:
    return Destination.objects.get(subject=f"hook:{endpoint}")


def fate(row: Notification) -> tuple[str, str]:
    row.refresh_from_db()
    return row.status, row.reason


# --- In general ------------------------------------------------------------------------------------------


def test_it_posts_what_is_due_and_records_it(hook: Hook, sink: EndpointSink) -> None:
    row, later = hook(), hook(next_attempt_at=NOW + SECOND)

    assert deliver_webhooks(now=NOW) == Counts(claimed=1, sent=1)

    row.refresh_from_db()
    assert (row.status, row.sent_at, row.attempts, row.provider_id) == (Status.SENT, NOW, 1, "HTTP 204")
    assert (row.lease_token, row.leased_until, row.reason) == (None, None, "")
    assert fate(later) == (Status.PENDING, "")
    assert deliver_webhooks(now=NOW) == Counts()
    assert sent(sink) == [row.pk]


def test_the_other_channels_leave_webhooks_alone_and_the_other_way_round(
    hook: Hook, put: Put, sink: EndpointSink
) -> None:
    hook()
    put("sms")
    assert deliver_due(now=NOW) == Counts(claimed=1, sent=1)
    assert (len(locmem.outbox), sent(sink)) == (1, [])
    put("sms")
    assert deliver_webhooks(now=NOW) == Counts(claimed=1, sent=1)
    assert (len(locmem.outbox), len(sent(sink))) == (1, 1)


def test_a_run_stops_at_its_limit_and_says_so(hook: Hook) -> None:
    for _ in range(5):
        hook()
    assert deliver_webhooks(now=NOW, limit=3) == Counts(claimed=3, sent=3, unfinished=True)
    assert deliver_webhooks(now=NOW, seconds=0) == Counts(unfinished=True)
    assert deliver_webhooks(now=NOW) == Counts(claimed=2, sent=2)


def test_many_to_many_endpoints_each_once(hook: Hook, sink: EndpointSink) -> None:
    rows = [hook(endpoint, queue=f"thing:{number}") for endpoint in range(20) for number in range(10)]
    assert deliver_webhooks(now=NOW) == Counts(claimed=200, sent=200)
    assert Counter(sent(sink)) == Counter(row.pk for row in rows)


def test_what_cannot_be_composed_harms_no_other(hook: Hook, sink: EndpointSink) -> None:
    bad, gone, good = hook(context={"answer": "raise"}), hook(context={"answer": "suppressed"}), hook()
    assert deliver_webhooks(now=NOW) == Counts(claimed=3, sent=1, retried=1, suppressed=1)
    assert fate(bad) == (Status.PENDING, "LookupError while composing")
    assert fate(gone) == (Status.SUPPRESSED, "the endpoint was deleted")
    assert fate(good) == (Status.SENT, "")
    assert state().failures == 0, "a fault of ours is not the endpoint's"


def test_a_fault_of_ours_while_sending_is_not_the_endpoints(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise ZeroDivisionError

    row = hook()
    monkeypatch.setattr(webhook, "_post", fail)
    assert deliver_webhooks(now=NOW) == Counts(claimed=1, retried=1)
    assert fate(row) == (Status.PENDING, "ZeroDivisionError while sending")
    assert state().failures == 0


# --- Order -----------------------------------------------------------------------------------------------


def test_of_one_queue_one_after_the_other_however_they_became_due(hook: Hook, sink: EndpointSink) -> None:
    times = [NOW, NOW - HOUR, NOW - 2 * HOUR, NOW - SECOND]
    rows = [hook(queue="thing:1", next_attempt_at=at) for at in times]
    assert deliver_webhooks(now=NOW) == Counts(claimed=4, sent=4)
    assert sent(sink) == [row.pk for row in rows]


def test_what_waits_for_its_next_try_holds_back_its_own_queue_only(hook: Hook, sink: EndpointSink) -> None:
    first, second = hook(queue="thing:1"), hook(queue="thing:1")
    other_thing = hook(queue="thing:2", next_attempt_at=NOW + SECOND)
    other_endpoint, no_queue = hook(2, queue="thing:1"), hook(next_attempt_at=NOW + SECOND)
    sink.moods["/1"] = [500, 204]

    deliver_webhooks(now=NOW)
    deliver_webhooks(now=NOW + SECOND)
    assert set(sent(sink)) == {first.pk, other_endpoint.pk, other_thing.pk, no_queue.pk}
    late = hook(queue="thing:1", next_attempt_at=NOW)
    deliver_webhooks(now=NOW + 2 * SECOND)
    assert len(sink.taken) == 4

    deliver_webhooks(now=NOW + 10 * SECOND)
    assert sent(sink)[4:] == [first.pk, second.pk, late.pk]


@pytest.mark.parametrize("end", [Status.DEAD, Status.SUPPRESSED, Status.SENT])
def test_what_has_ended_holds_back_nothing(hook: Hook, sink: EndpointSink, end: Status) -> None:
    sent_at = NOW if end == Status.SENT else None
    hook(queue="thing:1", status=end, reason="why", sent_at=sent_at)
    second = hook(queue="thing:1")
    deliver_webhooks(now=NOW)
    assert sent(sink) == [second.pk]


def test_a_leased_message_is_not_overtaken(hook: Hook, sink: EndpointSink) -> None:
    first, second = hook(queue="thing:1"), hook(queue="thing:1")
    batch = destinations.claim(50, leases.Clock(NOW), busy=[])
    assert [row.pk for row in batch.rows] == [first.pk]

    assert deliver_webhooks(now=NOW + 59 * SECOND) == Counts()
    deliver_webhooks(now=NOW + 60 * SECOND)
    assert sent(sink) == [first.pk, second.pk]


def test_a_worker_killed_between_sending_and_writing_down_sends_the_same_again(
    hook: Hook, sink: EndpointSink
) -> None:
    """What `kill -9` leaves behind: it was sent, and the row is still leased."""
    row = hook(queue="thing:1")
    batch = destinations.claim(50, leases.Clock(NOW), busy=[])
    message = compose(batch.rows)[row.pk]
    webhook.WebhookChannel().send(batch.rows[0], message)  # type: ignore[arg-type]

    deliver_webhooks(now=NOW + leases.LEASE)

    first, again = sink.taken
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == webhook.message_id(row)
    assert first.body == again.body
    for taken in (first, again):
        standardwebhooks.Webhook(b"k" * 32).verify(taken.body, taken.headers, json_parse=False)


# --- When it does not work -------------------------------------------------------------------------------


def test_ten_tries_in_three_days_then_it_is_dead(hook: Hook, sink: EndpointSink) -> None:
    row, other = hook(queue="thing:1"), hook(2)
    sink.moods["/1"] = [500]
    times: list[datetime] = []
    now = NOW
    for _ in range(WEBHOOK_ATTEMPTS):
        assert deliver_webhooks(now=now).claimed >= 1
        times.append(now)
        row.refresh_from_db()
        now = max(row.next_attempt_at, state().paused_until or now)
    assert fate(row) == (Status.DEAD, "Given up after 10 attempts: HTTP 500")
    assert fate(other) == (Status.SENT, "")
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    plan = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert all(0.9 * wanted <= gap <= 1.1 * wanted for gap, wanted in zip(gaps, plan, strict=True))
    assert timedelta(days=2.8) < times[-1] - times[0] < timedelta(days=3.6)


def test_a_message_that_kills_its_workers_is_given_up_too(hook: Hook, sink: EndpointSink) -> None:
    row = hook()
    for minutes in range(WEBHOOK_ATTEMPTS):
        destinations.claim(1, leases.Clock(NOW + minutes * leases.LEASE), busy=[])
    assert deliver_webhooks(now=NOW + HOUR) == Counts(claimed=1, dead=1)
    assert fate(row) == (Status.DEAD, "Given up: the worker was lost at each of 10 attempts")
    assert sink.taken == []


@pytest.mark.parametrize("asked", ["7200", "Fri, 20 Nov 2026 14:00:00 GMT"])
def test_retry_after_applies_to_the_whole_endpoint(
    hook: Hook, sink: EndpointSink, asked: str, time_machine: Any
) -> None:
    time_machine.move_to(NOW, tick=False)
    row, second = hook(queue="thing:1"), hook(queue="thing:2", next_attempt_at=NOW + SECOND)
    sink.moods["/1"] = [(429, {"Retry-After": asked}), 204]
    deliver_webhooks(now=NOW)
    row.refresh_from_db()
    assert row.next_attempt_at == NOW + 2 * HOUR
    assert deliver_webhooks(now=NOW + 2 * HOUR - SECOND) == Counts()
    assert deliver_webhooks(now=NOW + 2 * HOUR) == Counts(claimed=2, sent=2)
    assert fate(second) == (Status.SENT, "")


def test_retry_after_is_respected_up_to_a_day(hook: Hook, sink: EndpointSink) -> None:
    row = hook()
    sink.moods["/1"] = [(503, {"Retry-After": "9" * 400})]
    deliver_webhooks(now=NOW)
    row.refresh_from_db()
    assert row.next_attempt_at == NOW + DAY


def test_410_closes_the_endpoint_and_ends_what_waits(hook: Hook, sink: EndpointSink) -> None:
    rows = [hook(queue="thing:1") for _ in range(3)]
    later = hook(queue="thing:2", next_attempt_at=NOW + DAY)
    other = hook(2)
    sink.moods["/1"] = [410]

    deliver_webhooks(now=NOW)
    assert fate(rows[0]) == (Status.DEAD, "HTTP 410")
    assert (state().closed_at, state().closed_reason) == (NOW, "The endpoint wants nothing more: HTTP 410")
    deliver_webhooks(now=NOW)

    for row in (*rows[1:], later):
        assert fate(row) == (Status.SUPPRESSED, "The endpoint wants nothing more: HTTP 410")
    assert fate(other) == (Status.SENT, "")
    assert len(sent(sink, 1)) == 1


def test_what_is_on_its_way_to_a_closed_endpoint_may_arrive(hook: Hook) -> None:
    row, waiting = hook(), hook()
    batch = destinations.claim(1, leases.Clock(NOW), busy=[])
    destinations.close("hook:1", "deleted", now=NOW)
    assert destinations.suppress_for_closed(NOW) == 1
    held = batch.rows[0]
    assert batch.sent(held, "HTTP 200")
    assert {fate(row)[0], fate(waiting)[0]} == {Status.SENT, Status.SUPPRESSED}


def test_an_endpoint_that_fails_is_paused_and_then_asked_one_by_one(hook: Hook, sink: EndpointSink) -> None:
    rows = [hook(queue=f"thing:{number}") for number in range(30)]
    sink.moods["/1"] = [503]

    assert deliver_webhooks(now=NOW).retried == destinations.AT_ONCE
    paused = state()
    assert paused.paused_until is not None
    assert (paused.failures, paused.failing_since, paused.last_error) == (4, NOW, "HTTP 503")
    assert NOW + 15 * SECOND <= paused.paused_until <= NOW + 60 * SECOND
    assert deliver_webhooks(now=paused.paused_until - SECOND) == Counts()
    probe = paused.paused_until
    assert deliver_webhooks(now=probe) == Counts(claimed=1, retried=1)
    assert deliver_webhooks(now=probe) == Counts()
    tried = Notification.objects.filter(subject="hook:1", attempts__gt=0).count()
    assert tried <= 5, "what waits loses no attempt"

    sink.moods["/1"] = [204]
    assert deliver_webhooks(now=NOW + HOUR) == Counts(claimed=30, sent=30)
    assert Counter(sent(sink))[rows[-1].pk] == 1
    recovered = state()
    assert (recovered.failures, recovered.failing_since, recovered.paused_until) == (0, None, None)


def test_two_workers_send_one_probe(hook: Hook, sink: EndpointSink) -> None:
    for number in range(5):
        hook(queue=f"thing:{number}")
    Destination.objects.update(failures=5, failing_since=NOW - HOUR, paused_until=NOW)
    first = destinations.claim(50, leases.Clock(NOW), busy=[])
    second = destinations.claim(50, leases.Clock(NOW), busy=[])
    assert (len(first.rows), len(second.rows)) == (1, 0)


def test_pauses_grow_to_a_quarter_of_an_hour(hook: Hook) -> None:
    hook()
    now, pauses = NOW, []
    for _ in range(14):
        destinations.failed("hook:1", "HTTP 500", now=now)
        until = state().paused_until
        pauses.append((until - now).total_seconds() if until and until > now else 0)
    assert pauses[:2] == [0, 0]
    assert 15 <= pauses[2] <= 30
    assert pauses[2] < pauses[6] * 1.01
    assert all(450 <= pause <= 900 for pause in pauses[8:])


def test_an_endpoint_that_failed_for_days_is_closed(hook: Hook, sink: EndpointSink) -> None:
    row = hook()
    now = NOW
    for _ in range(30):
        destinations.failed("hook:1", "HTTP 500", now=now)
        if state().closed_at is not None:
            break
        now += 6 * HOUR
    assert now - NOW == destinations.GIVEN_UP_AFTER
    assert state().closed_reason == "No success for 5 days; last error: HTTP 500"
    deliver_webhooks(now=now)
    assert fate(row) == (Status.SUPPRESSED, "No success for 5 days; last error: HTTP 500")


def test_a_few_failures_with_days_between_close_nothing(hook: Hook) -> None:
    hook()
    for days in (0, 4, 8, 12):
        destinations.failed("hook:1", "HTTP 500", now=NOW + days * DAY)
    assert state().closed_at is None


def test_one_success_begins_the_days_anew(hook: Hook, sink: EndpointSink) -> None:
    hook()
    for _ in range(12):
        destinations.failed("hook:1", "HTTP 500", now=NOW - 4 * DAY)
    deliver_webhooks(now=NOW)
    assert state().failures == 0
    destinations.failed("hook:1", "HTTP 500", now=NOW + 2 * DAY)
    assert state().closed_at is None


def test_opened_again_it_takes_what_comes(hook: Hook, sink: EndpointSink) -> None:
    old = hook()
    destinations.close("hook:1", "HTTP 410", now=NOW)
    assert not destinations.close("hook:1", "again", now=NOW + SECOND)
    deliver_webhooks(now=NOW)
    assert destinations.reopen("hook:1", now=NOW + HOUR)
    assert not destinations.reopen("hook:1", now=NOW + HOUR)
    new = hook(next_attempt_at=NOW + HOUR)
    deliver_webhooks(now=NOW + HOUR)
    assert sent(sink) == [new.pk]
    assert fate(old)[0] == Status.SUPPRESSED
    assert (state().closed_at, state().opened_at) == (None, NOW + HOUR)


def test_when_it_works_again_nothing_waits_for_its_next_try(hook: Hook, sink: EndpointSink) -> None:
    rows = [hook(queue="thing:1", attempts=5, next_attempt_at=leases.Clock().now() + DAY) for _ in range(2)]
    other = hook(2, next_attempt_at=leases.Clock().now() + DAY)
    Destination.objects.update(failures=5, failing_since=NOW, paused_until=leases.Clock().now() + HOUR)
    assert deliver_webhooks() == Counts()
    destinations.bring_forward("hook:1")
    assert deliver_webhooks() == Counts(claimed=2, sent=2)
    assert sent(sink) == [row.pk for row in rows]
    assert fate(other) == (Status.PENDING, "")


def test_dead_ones_sent_again_hold_back_nothing(hook: Hook, sink: EndpointSink) -> None:
    dead = hook(queue="thing:1", status=Status.DEAD, reason="HTTP 500", attempts=10)
    Notification.objects.filter(pk=dead.pk).send_again()
    second = hook(queue="thing:1")
    sink.moods["/1"] = [lambda: 500 if int(sink.taken[-1].body) == dead.pk else 204]
    Notification.objects.update(next_attempt_at=NOW)
    deliver_webhooks(now=NOW)
    assert set(sent(sink)) == {dead.pk, second.pk}
    assert fate(second)[0] == Status.SENT


# --- Nobody waits for others -----------------------------------------------------------------------------


def test_a_slow_endpoint_delays_no_other(hook: Hook, sink: EndpointSink) -> None:
    """The fast one gets everything while the slow one has not yet answered to its first four."""
    slow = [hook(1, queue=f"thing:{number}") for number in range(8)]
    fast = [hook(2, queue=f"thing:{number}") for number in range(40)]
    answered = threading.Event()
    sink.moods["/1"] = [lambda: (answered.wait(1.5), 204)[1]]
    seen: list[int] = []

    def watch() -> None:
        while len(sent(sink, 2)) < 40 and not answered.is_set():
            time.sleep(0.005)
        seen.append(len(sent(sink, 1)))
        answered.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    counts = deliver_webhooks(now=NOW)
    watcher.join()
    assert seen[0] <= destinations.AT_ONCE
    assert counts.sent == len(slow) + len(fast)


def test_one_endpoint_is_not_flooded(hook: Hook, sink: EndpointSink) -> None:
    for number in range(30):
        hook(1, queue=f"thing:{number}")
    now_in, most, lock = [0], [0], threading.Lock()

    def mood() -> int:
        with lock:
            now_in[0] += 1
            most[0] = max(most[0], now_in[0])
        time.sleep(0.01)
        with lock:
            now_in[0] -= 1
        return 204

    sink.moods["/1"] = [mood]
    assert deliver_webhooks(now=NOW).sent == 30
    assert 1 <= most[0] <= destinations.AT_ONCE


def test_the_claim_goes_by_the_indexes(hook: Hook) -> None:
    """However much is waiting or has been sent, it looks only at the first messages of each endpoint."""
    example = hook(queue="thing:1")
    Notification.objects.bulk_create(
        (
            Notification(
                kind="stored",
                channel="webhook",
                subject=f"hook:{number % 20}",
                queue=f"thing:{number % 1000}",
                dedup_key=f"many:{number}",
                context=example.context,
                next_attempt_at=NOW,
                status=Status.SENT if number % 3 else Status.PENDING,
                sent_at=NOW if number % 3 else None,
            )
            for number in range(9000)
        ),
        batch_size=500,  # a loaded machine needs long to build one statement for all
    )
    for number in range(20):
        Destination.objects.get_or_create(subject=f"hook:{number}")
    parameters: dict[str, Any] = {
        "size": 50,
        "now": NOW,
        "token": uuid.uuid4(),
        "leased_until": NOW + leases.LEASE,
        "busy": [],
        "at_once": 4,
        "failures_to_pause": 3,
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notifications_notification")
        cursor.execute("ANALYZE notifications_destination")
        cursor.execute("EXPLAIN " + webhook_statements.CLAIM, parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "using notification_destination_due on notifications_notification message" in plan
    assert "using notification_queue on notifications_notification earlier" in plan
    assert "Seq Scan on notifications_notification" not in plan
