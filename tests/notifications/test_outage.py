"""Outages of real gateways with thousands of messages waiting: nothing is lost, and codes go first."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.models import ChannelState, Notification, Status
from tests.notifications.conftest import NOW, Put
from tests.notifications.providers import SmsGateway

HTTP = "notifications.sms.http.SmsBackend"
Gateways = Callable[[int], list["Fragile"]]


class Fragile(SmsGateway):
    """A gateway that can be stopped and started at the same address.

    `stops_at`: the number of the request that it takes and never answers, because it ends then. While it is
    `failing` it answers 503.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.stops_at = 0
        self.failing = False
        self.refused = 0
        self.ended = False
        self._lock = threading.Lock()
        self._serving: threading.Thread | None = None
        self.start()

    def start(self) -> None:
        self._serving = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._serving.start()

    def stop(self) -> None:
        """Stop like a killed process: nothing listens, and all connections end."""
        with self._lock:
            serving, self._serving = self._serving, None
        if serving is not None:
            self.shutdown()
            serving.join()
            self.server_close()
            self.hang_up()

    def again(self) -> Fragile:
        """Start a new gateway at the same address."""
        return Fragile(self.server_port)

    def mood(self) -> Any:
        with self._lock:
            if self.failing:
                self.refused += 1
                self.taken.pop()
                return (503, {}, "away")
            if self.stops_at and len(self.taken) >= self.stops_at and not self.ended:
                self.ended = True
                threading.Thread(target=self.stop).start()
            if self.ended:
                return "hang"
        return super().mood()

    def references(self) -> Counter[str]:
        return Counter(form["reference"] for form in self.taken)


@pytest.fixture
def gateways(settings: Settings) -> Iterator[Gateways]:
    """`gateways(2)`: so many real ones, and the portal set to send through them."""
    with ExitStack() as stack:

        def serve(number: int) -> list[Fragile]:
            found = [Fragile() for _ in range(number)]
            for server in found:
                stack.callback(server.stop)
                stack.callback(server.release.set)
            urls = [f"http://127.0.0.1:{server.server_port}/" for server in found]
            settings.SMS_BACKEND, settings.SMS_GATEWAY_URL = HTTP, urls[0]
            if number == 2:
                settings.SMS_BACKEND_2, settings.SMS_GATEWAY_URL_2 = HTTP, urls[1]
            settings.SMS_TIMEOUT = 2
            return found

        yield serve


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def workers(number: int, now: datetime) -> Counts:
    """So many at once; what they did together."""
    total, start, lock = Counts(), threading.Barrier(number), threading.Lock()

    def work() -> None:
        try:
            start.wait()
            counts = deliver_due(now=now)
            with lock:
                for name in ("sent", "retried", "dead", "lost"):
                    setattr(total, name, getattr(total, name) + getattr(counts, name))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total


@pytest.mark.django_db(transaction=True)
def test_the_first_gateway_stops_in_mid_batch_and_comes_back(put: Put, gateways: Gateways) -> None:
    first, second = gateways(2)
    for _ in range(300):
        put()
    first.stops_at = 60

    # What was in flight at the first may arrive twice; nobody loses an attempt, or waits.
    assert workers(3, NOW) == Counts(sent=300)
    before = first.references()
    copies = before + second.references()
    assert set(copies) == {f"stored-{pk}" for pk in Notification.objects.values_list("pk", flat=True)}
    in_flight = copies.total() - len(copies)
    assert in_flight <= 3, "one for each worker"
    assert set(copies.values()) <= {1, 2}
    assert ChannelState.objects.get(provider="first").opened_at == NOW

    for _ in range(20):
        put()
    assert workers(3, at(29)) == Counts(sent=20)
    assert first.references() == before
    restarted = first.again()
    try:
        for _ in range(40):
            put()
        assert workers(1, at(30)) == Counts(sent=40)
        assert restarted.references().total() == 1, "its probe"
        for _ in range(40):
            put()
        assert workers(3, at(31)) == Counts(sent=40)
        assert restarted.references().total() == 41
    finally:
        restarted.stop()

    taken = {"first": before + restarted.references(), "second": second.references()}
    assert sum(taken.values(), Counter()).total() == 400 + in_flight
    for pk, provider in Notification.objects.values_list("pk", "provider"):
        assert taken[provider][f"stored-{pk}"] == 1
    assert set(Notification.objects.values_list("status", "attempts")) == {(Status.SENT, 1)}


def fill(codes: int, reminders: int) -> None:
    """Reminders first, so that numbers and age speak for them."""
    kinds = [("reminder", 5)] * reminders + [("stored", 1)] * codes
    Notification.objects.bulk_create(
        Notification(
            kind=kind,
            channel="sms",
            subject=f"thing:{number}",
            dedup_key=f"event:{number}:sms",
            priority=priority,
            next_attempt_at=at(-60 if kind == "reminder" else 0),
        )
        for number, (kind, priority) in enumerate(kinds)
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("number", "codes"), [(1, 3), (2, 500)])
def test_half_an_hour_away_with_5000_waiting(gateways: Gateways, number: int, codes: int) -> None:
    servers = gateways(number)
    fill(codes, 5000 - codes)
    for server in servers:
        server.failing = True

    asked: list[list[float]] = [[] for _ in servers]
    for second in range(0, 1800, 5):
        before = [server.refused for server in servers]
        counts = deliver_due(now=at(second))
        assert (counts.sent, counts.dead, counts.suppressed) == (0, 0, 0)
        for times, server, had in zip(asked, servers, before, strict=True):
            times += [second] * (server.refused - had)
    for times in asked:
        probes = times[5:]
        assert times[:5] == [0] * 5, "five failures opened it"
        assert len(probes) == 59
        assert all(later - earlier >= 30 for earlier, later in zip(times[4:], probes, strict=False))
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.PENDING}
    tried = Notification.objects.filter(attempts__gt=0)
    assert sum(tried.values_list("attempts", flat=True)) == 5 + 59, "nobody but the probes loses an attempt"

    for server in servers:
        server.failing = False
    sent, seconds = 0, 1800
    while sent < 5000 and seconds < 1860:
        sent += deliver_due(now=at(seconds), seconds=60).sent
        seconds += 5
    assert sent == 5000
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.SENT}
    order = [form["reference"].partition("-")[0] for server in servers for form in server.taken]
    assert Counter(order) == {"stored": codes, "reminder": 5000 - codes}
    # The probe is whatever was due before anybody knew; after it all codes go before any reminder.
    assert set(order[1:codes]) <= {"stored"}
    assert order.index("reminder", 1) >= codes
    assert not servers[1:] or servers[1].taken == []
