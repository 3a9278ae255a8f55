"""Two providers of one channel: the second is used at once while the first is down, and no longer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from notifications.delivery import leases, people
from notifications.delivery.breaker import breakers
from notifications.delivery.channel import Channel
from notifications.delivery.people import deliver_due
from notifications.delivery.providers import Routes
from notifications.delivery.runner import Counts
from notifications.errors import DeliveryError
from notifications.messages import Message
from notifications.models import ChannelState, Notification, Status
from tests.notifications.conftest import NOW, Put

pytestmark = pytest.mark.django_db


class Twins(Channel):
    """Each provider raises the errors of its own script, then takes all; `asked`: who was, in order."""

    name: ClassVar[str] = "sms"
    scripts: ClassVar[dict[str, list[Exception]]] = {}
    asked: ClassVar[list[tuple[str, int]]] = []

    @classmethod
    def providers(cls) -> Sequence[str]:
        return ("one", "two")

    def send(self, notification: Notification, message: Message) -> str:
        self.asked.append((self.provider, notification.pk))
        if script := self.scripts.get(self.provider):
            raise script.pop(0)
        return f"{self.provider}-{notification.pk}"


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> type[Twins]:
    Twins.scripts, Twins.asked = {}, []
    monkeypatch.setattr(people, "CHANNELS", {"sms": Twins})
    return Twins


def down(times: int = 10_000, retry_after: float | None = None) -> list[Exception]:
    return [DeliveryError("gateway: TimeoutError", retry_after=retry_after) for _ in range(times)]


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def pause(*providers: str, since: datetime = NOW) -> None:
    for breaker in breakers("sms", providers):
        for _ in range(5):
            breaker.failed("away", now=since)


def taken_by() -> Counter[str]:
    return Counter(Notification.objects.filter(status=Status.SENT).values_list("provider", flat=True))


def is_open(provider: str) -> bool:
    return ChannelState.objects.filter(provider=provider, opened_at__isnull=False).exists()


def test_while_the_first_works_the_second_is_not_used(put: Put, twins: type[Twins]) -> None:
    rows = [put() for _ in range(3)]
    assert deliver_due(now=NOW) == Counts(claimed=3, sent=3)
    assert twins.asked == [("one", row.pk) for row in rows]
    rows[0].refresh_from_db()
    assert (rows[0].provider, rows[0].provider_id) == ("one", f"one-{rows[0].pk}")


def test_what_the_first_cannot_take_the_second_gets_at_once_and_no_attempt_is_lost(
    put: Put, twins: type[Twins]
) -> None:
    rows = [put() for _ in range(20)]
    twins.scripts = {"one": down()}

    assert deliver_due(now=NOW) == Counts(claimed=20, sent=20)

    assert Counter(provider for provider, _ in twins.asked) == {"one": 5, "two": 20}
    assert is_open("one")
    assert not is_open("two")
    assert set(Notification.objects.values_list("attempts", "provider")) == {(1, "two")}
    assert len(rows) == 20


def test_the_first_gets_one_probe_each_half_minute_after_what_is_more_urgent(
    put: Put, twins: type[Twins]
) -> None:
    pause("one")
    twins.scripts = {"one": down()}
    for second in range(0, 600, 5):
        put(priority=5, next_attempt_at=at(second))
        put(priority=1, next_attempt_at=at(second))
        deliver_due(now=at(second))

    probes = [pk for provider, pk in twins.asked if provider == "one"]
    assert len(probes) == (600 - 30) / 30
    assert set(Notification.objects.filter(pk__in=probes).values_list("priority", flat=True)) == {5}
    assert set(Notification.objects.values_list("status", "attempts", "provider")) == {("sent", 1, "two")}


def test_when_the_first_recovers_it_is_used_again(put: Put, twins: type[Twins]) -> None:
    pause("one")
    for _ in range(3):
        put()
    deliver_due(now=at(30))
    assert taken_by() == {"two": 2, "one": 1}
    assert not is_open("one")
    put()
    deliver_due(now=at(31))
    assert taken_by() == {"two": 2, "one": 2}


def test_with_both_away_the_channel_waits_with_one_probe_each(put: Put, twins: type[Twins]) -> None:
    for _ in range(30):
        put()
    twins.scripts = {"one": down(), "two": down()}
    assert deliver_due(now=NOW) == Counts(claimed=30, retried=5, given_back=25)

    twins.asked.clear()
    lost = sum(deliver_due(now=at(second)).retried for second in range(5, 1800, 5))
    asked = Counter(provider for provider, _ in twins.asked)
    assert asked == {"one": 59, "two": 59}
    assert lost == 59, "one message is the probe of both"
    assert not Notification.objects.filter(status=Status.DEAD).exists()

    twins.scripts = {"one": down()}
    seconds = range(1800, 5400, 5)
    assert sum(deliver_due(now=at(second)).sent for second in seconds) == 30
    assert taken_by() == {"two": 30}


def test_a_probe_that_was_not_needed_is_given_back(put: Put, twins: type[Twins]) -> None:
    pause("one", "two")
    put()
    assert deliver_due(now=at(30)) == Counts(claimed=1, sent=1)
    assert twins.asked[0][0] == "one"
    assert is_open("two")
    pause("one", since=at(30))
    put()
    assert deliver_due(now=at(31)).sent == 1
    assert twins.asked[-1][0] == "two"


def test_without_a_message_for_it_the_first_keeps_its_probe(put: Put, twins: type[Twins]) -> None:
    pause("one")
    put(context={"answer": "suppressed"})
    assert deliver_due(now=at(30)) == Counts(claimed=1, suppressed=1)
    put()
    deliver_due(now=at(30))
    assert taken_by() == {"one": 1}


def test_a_refusal_of_the_message_is_not_repeated_at_the_second(put: Put, twins: type[Twins]) -> None:
    row = put()
    twins.scripts = {"one": [DeliveryError("no such number", permanent=True)]}
    assert deliver_due(now=NOW) == Counts(claimed=1, dead=1)
    assert twins.asked == [("one", row.pk)]


def test_a_message_that_is_refused_for_now_is_not_repeated_at_the_second(
    put: Put, twins: type[Twins]
) -> None:
    row = put()
    twins.scripts = {"one": [DeliveryError("greylisted", channel_failed=False)]}
    assert deliver_due(now=NOW) == Counts(claimed=1, retried=1)
    assert twins.asked == [("one", row.pk)]


def test_neither_is_asked_again_before_the_time_that_it_named(put: Put, twins: type[Twins]) -> None:
    row = put()
    twins.scripts = {"one": down(1, retry_after=300), "two": down(1)}
    assert deliver_due(now=NOW) == Counts(claimed=1, retried=1)
    row.refresh_from_db()
    assert (row.attempts, row.next_attempt_at) == (1, at(300))

    pause("one")
    (one,) = breakers("sms", ["one"])
    one.failed("HTTP 429", now=NOW, retry_after=600)
    deliver_due(now=at(300))
    deliver_due(now=at(599))
    assert twins.asked[2:] == [("two", row.pk)]


def test_a_fault_of_ours_is_no_reason_to_ask_the_second(put: Put, twins: type[Twins]) -> None:
    put()
    twins.scripts = {"one": [ValueError("broken")]}
    assert deliver_due(now=NOW) == Counts(claimed=1, retried=1)
    assert [provider for provider, _ in twins.asked] == ["one"]


def test_nobody_is_asked_when_the_answer_might_come_after_the_lease(put: Put, twins: type[Twins]) -> None:
    rows = [put() for _ in range(2)]
    batch = leases.claim("sms", 50, leases.Clock(NOW))

    class Slow(Twins):
        def send(self, notification: Notification, message: Message) -> str:
            batch.clock._started -= 31
            return super().send(notification, message)

    twins.scripts = {"one": down()}
    counts = Counts()
    people.BatchRunner(Routes(Slow), counts).run(batch)
    assert (counts.retried, counts.given_back, counts.sent) == (1, 1, 0)
    assert twins.asked == [("one", rows[0].pk)]


def test_a_slow_second_does_not_keep_the_first_from_its_probe(put: Put, twins: type[Twins]) -> None:
    rows = [put() for _ in range(10)]
    pause("one")
    batch = leases.claim("sms", 50, leases.Clock(at(30)))

    class Slow(Twins):
        def send(self, notification: Notification, message: Message) -> str:
            batch.clock._started -= 2.5
            return super().send(notification, message)

    routes = Routes(Slow)
    routes.take_probes(at(30))
    counts = Counts()
    people.BatchRunner(routes, counts).run(batch)
    assert twins.asked == [("two", rows[0].pk), ("one", rows[1].pk)]
    assert (counts.sent, counts.given_back) == (2, 8)
    assert not is_open("one")
