"""The circuit breaker: a provider that is down is not called, and no message loses an attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, transaction

from notifications.delivery import breaker as breaker_module
from notifications.delivery.breaker import Breaker, breakers, close
from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.errors import DeliveryError
from notifications.models import ChannelState, Notification, Status
from tests.notifications.conftest import NOW, Put
from tests.notifications.delivery.test_people import ScriptedChannel, scripted

__all__ = ["scripted"]

pytestmark = pytest.mark.django_db


def breaker(channel: str = "sms") -> Breaker:
    (found,) = breakers(channel, [channel])
    return found


def down(times: int) -> list[Exception]:
    return [DeliveryError("gateway: TimeoutError") for _ in range(times)]


def test_it_opens_after_five_failures_and_the_rest_goes_back_unharmed(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    rows = [put("sms") for _ in range(20)]
    scripted.script = down(100)

    assert deliver_due(now=NOW) == Counts(claimed=20, retried=5, given_back=15)

    state = ChannelState.objects.get(channel="sms", provider="sms")
    assert (state.failures, state.opened_at, state.last_error) == (5, NOW, "gateway: TimeoutError")
    assert state.next_probe_at == NOW + timedelta(seconds=30)
    assert list(Notification.objects.order_by("id").values_list("attempts", flat=True)) == [1] * 5 + [0] * 15
    assert deliver_due(now=NOW + timedelta(seconds=29)) == Counts()
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.PENDING}
    assert len(rows) == 20


def test_one_probe_goes_out_each_half_minute_and_a_success_closes_it(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    for _ in range(20):
        put("sms")
    scripted.script = down(7)
    deliver_due(now=NOW)

    assert deliver_due(now=NOW + timedelta(seconds=30)) == Counts(claimed=1, retried=1)
    assert deliver_due(now=NOW + timedelta(seconds=31)) == Counts()
    assert deliver_due(now=NOW + timedelta(seconds=60)) == Counts(claimed=1, retried=1)
    assert deliver_due(now=NOW + timedelta(hours=2)) == Counts(claimed=20, sent=20)
    state = ChannelState.objects.get(channel="sms", provider="sms")
    assert (state.failures, state.opened_at, state.next_probe_at) == (0, None, None)


def test_half_an_hour_without_the_provider_kills_no_message(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    for _ in range(60):
        put("sms")
    scripted.script = down(10_000)
    tries = 0
    for second in range(0, 1800, 5):
        counts = deliver_due(now=NOW + timedelta(seconds=second))
        tries += counts.retried
        assert counts.dead == 0
    assert tries <= 5 + 1800 / 30

    scripted.script = []
    after = [deliver_due(now=NOW + timedelta(seconds=1800 + second)).sent for second in range(0, 3600, 5)]
    assert sum(after) == 60


def test_an_open_channel_that_has_nothing_to_send_keeps_its_probe(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    for _ in range(5):
        put("sms")
    scripted.script = down(5)
    deliver_due(now=NOW)
    Notification.objects.update(next_attempt_at=NOW + timedelta(hours=1))
    put("sms", context={"answer": "suppressed"})

    probe_time = NOW + timedelta(seconds=30)
    assert deliver_due(now=probe_time) == Counts(claimed=1, suppressed=1)
    put("sms")
    assert deliver_due(now=probe_time, limit=1) == Counts(claimed=1, sent=1, unfinished=True)


def test_what_failed_in_an_outage_does_not_wait_for_an_hour_after_it(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    """Otherwise the codes, which were tried first and most often, would be sent last."""
    code = put("sms", priority=1)
    scripted.script = down(1000)
    for second in range(0, 5400, 5):
        deliver_due(now=NOW + timedelta(seconds=second))
    # Put off for long: for how long is drawn by lot.
    assert Notification.objects.filter(attempts__gt=5).update(next_attempt_at=NOW + timedelta(hours=3)) == 1
    tomorrow = put("sms", next_attempt_at=NOW + timedelta(days=1))
    put("sms")

    scripted.script = []
    assert deliver_due(now=NOW + timedelta(seconds=5430)) == Counts(claimed=2, sent=2)
    assert scripted.taken[-1] == code.pk
    tomorrow.refresh_from_db()
    assert tomorrow.next_attempt_at == NOW + timedelta(days=1)


def test_after_a_long_outage_the_most_urgent_come_first(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker_module, "MOST_BROUGHT_FORWARD", 2)
    later = NOW + timedelta(minutes=30)
    rows = [put("sms", priority=priority, attempts=3, next_attempt_at=later) for priority in (5, 1, 9, 1)]
    for _ in range(5):
        breaker().failed("away", now=NOW)
    close("sms", "sms", now=NOW)
    for row in rows:
        row.refresh_from_db()
    assert [row.next_attempt_at for row in rows] == [later, NOW, later, NOW]


def test_one_that_cannot_bring_forward_what_waits_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nothing would, because the next success finds it closed."""

    class Stuck:
        @property
        def objects(self) -> None:
            raise OperationalError("canceling statement due to statement timeout")

    for _ in range(5):
        breaker().failed("away", now=NOW)
    monkeypatch.setattr(breaker_module, "Notification", Stuck())
    with pytest.raises(OperationalError):
        close("sms", "sms", now=NOW)
    assert breaker().is_open


def test_a_success_after_some_failures_brings_nothing_forward(
    put: Put, scripted: type[ScriptedChannel]
) -> None:
    row = put("sms")
    scripted.script = [DeliveryError("HTTP 429", retry_after=600)]
    deliver_due(now=NOW)
    put("sms")
    assert deliver_due(now=NOW + timedelta(seconds=1)) == Counts(claimed=1, sent=1)
    row.refresh_from_db()
    assert row.next_attempt_at == NOW + timedelta(seconds=600)


def test_a_refusal_shows_that_the_provider_is_alive(put: Put, scripted: type[ScriptedChannel]) -> None:
    for _ in range(9):
        put("sms")
    scripted.script = [*down(4), DeliveryError("no such number", permanent=True), *down(4)]

    assert deliver_due(now=NOW) == Counts(claimed=9, retried=8, dead=1)
    assert ChannelState.objects.get(channel="sms", provider="sms").opened_at is None


def test_channels_are_independent(put: Put, scripted: type[ScriptedChannel]) -> None:
    email = breaker("email")
    for _ in range(5):
        email.failed("away", now=NOW)
    put("sms")

    assert deliver_due(now=NOW).sent == 1
    assert breaker("email").is_open


def test_the_provider_says_how_long_an_open_channel_rests(put: Put, scripted: type[ScriptedChannel]) -> None:
    for _ in range(5):
        put("sms")
    scripted.script = [DeliveryError("HTTP 429", retry_after=300) for _ in range(5)]

    deliver_due(now=NOW)

    assert ChannelState.objects.get(channel="sms", provider="sms").next_probe_at == NOW + timedelta(
        seconds=300
    )


def test_of_two_workers_one_gets_the_probe() -> None:
    first, second = breaker(), breaker()
    for _ in range(5):
        first.failed("away", now=NOW)

    due = NOW + timedelta(seconds=30)
    assert [first.take_probe(due), second.take_probe(due)] == [True, False]
    first.return_probe(due)
    assert second.take_probe(due)


def test_a_probe_that_others_have_moved_is_not_given_back() -> None:
    """A long pause that the provider asked for meanwhile, for example."""
    first, second = breaker(), breaker()
    for _ in range(5):
        first.failed("away", now=NOW)
    due = NOW + timedelta(seconds=30)
    assert first.take_probe(due)
    second.failed("HTTP 429", now=due, retry_after=600)
    first.return_probe(due)
    assert not second.take_probe(due + timedelta(seconds=599))
    assert second.take_probe(due + timedelta(seconds=600))


def test_an_open_breaker_has_a_time_for_its_probe() -> None:
    with pytest.raises(IntegrityError, match="channelstate_open_has_probe"), transaction.atomic():
        ChannelState.objects.create(channel="sms", opened_at=NOW)
