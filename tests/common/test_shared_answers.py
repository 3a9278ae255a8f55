"""The shared cache: one caller builds for all, no result is too old, and it works without Redis."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from common import redis_client as lockers_redis
from common import shared_answers
from common.redis_client import Helper
from common.shared_answers import shared
from lockers.models import Compartment
from tests.world import Api, courier_api, make_courier, make_key, make_location

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> redis.Redis:
    return redis.Redis.from_url(django_settings.REDIS_URL)


@pytest.fixture(autouse=True)
def on(settings: Settings, server: redis.Redis) -> Iterator[None]:
    """Share answers, and start without those of the previous test."""
    settings.SHARED_ANSWERS_SECONDS = 2
    _flush(server)
    lockers_redis.helper.cache_clear()
    yield
    lockers_redis.helper.cache_clear()


def _flush(server: redis.Redis) -> None:
    """Delete only the keys of this test's database, because other tests run at the same time."""
    for key in server.scan_iter(shared_answers._key("*")):
        server.delete(key)


class Counter:
    """Counts calls, and how many run at the same time."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.calls = 0
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.calls += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            number = self.calls
        time.sleep(self.seconds)
        with self._lock:
            self.at_once -= 1
        return str(number)


def _ask_together(counter: Counter, threads: int) -> list[str]:
    barrier = threading.Barrier(threads)

    def ask() -> str:
        barrier.wait()
        return shared("x", counter)

    with ThreadPoolExecutor(threads) as pool:
        return [done.result() for done in [pool.submit(ask) for _ in range(threads)]]


def _age(server: redis.Redis, name: str, seconds: float) -> None:
    """Make the cached answer that many seconds older."""
    key = shared_answers._key(name)
    left = server.pttl(key)
    assert isinstance(left, int)
    if left - seconds * 1000 <= 0:
        server.delete(key)
    else:
        server.pexpire(key, int(left - seconds * 1000))


def test_sixteen_callers_at_once_cause_one_count() -> None:
    counter = Counter(seconds=0.1)
    assert set(_ask_together(counter, 16)) == {"1"}
    assert counter.calls == 1


def test_a_later_caller_gets_the_same_answer() -> None:
    counter = Counter()
    assert [shared("x", counter) for _ in range(3)] == ["1", "1", "1"]


def test_another_question_has_another_answer() -> None:
    counter = Counter()
    assert [shared("x", counter), shared("y", counter)] == ["1", "2"]


def test_after_half_the_time_one_caller_counts_and_the_others_get_the_old_answer(
    server: redis.Redis,
) -> None:
    shared("x", lambda: "old")
    _age(server, "x", 1.2)
    counter = Counter(seconds=0.3)
    assert sorted(_ask_together(counter, 8)) == ["1", *["old"] * 7]
    assert counter.calls == 1
    assert shared("x", counter) == "1"


def test_no_answer_is_older_than_promised(server: redis.Redis) -> None:
    counter = Counter()
    shared("x", counter)
    left = server.pttl(shared_answers._key("x"))
    assert isinstance(left, int)
    assert 0 < left <= 2000
    _age(server, "x", 2)
    assert shared("x", counter) == "2"


def test_age_counts_from_before_the_count(server: redis.Redis) -> None:
    shared("x", Counter(seconds=0.5))
    left = server.pttl(shared_answers._key("x"))
    assert isinstance(left, int)
    assert left <= 1500


def test_a_count_that_took_too_long_is_not_kept(settings: Settings, server: redis.Redis) -> None:
    settings.SHARED_ANSWERS_SECONDS = 0.2
    assert shared("x", Counter(seconds=0.3)) == "1"
    assert not server.exists(shared_answers._key("x"))


def test_after_a_failure_the_next_caller_builds() -> None:
    def fail() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shared("x", fail)
    assert shared("x", lambda: "good") == "good"


def test_a_killed_caller_does_not_block_others_for_long(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock expires by itself; then one of the waiting callers builds."""
    monkeypatch.setattr(shared_answers, "LONGEST_BUILD", 0.5)
    server.set(shared_answers._lock("x"), "somebody who was killed", px=300)
    counter = Counter()
    assert set(_ask_together(counter, 8)) == {"1"}


def test_a_flushed_redis_only_costs_time(server: redis.Redis) -> None:
    counter = Counter()
    shared("x", counter)
    _flush(server)
    assert shared("x", counter) == "2"


def test_without_redis_every_caller_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        away = Helper(f"redis://127.0.0.1:{unused.getsockname()[1]}/0")
    monkeypatch.setattr(shared_answers, "helper", lambda: away)
    counter = Counter()
    assert [shared("x", counter) for _ in range(3)] == ["1", "2", "3"]


def test_a_silent_redis_is_tried_once_and_then_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts connections and never responds: one caller in five seconds waits for it, and no other."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        helper = Helper(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        monkeypatch.setattr(shared_answers, "helper", lambda: helper)
        counter = Counter()
        assert [shared("x", counter) for _ in range(50)] == [str(number) for number in range(1, 51)]
        silent.settimeout(0)
        connections = 0
        while True:
            try:
                silent.accept()[0].close()
            except BlockingIOError:
                break
            connections += 1
    assert connections == 1


def test_redis_is_used_again_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockers_redis, "PAUSE", 0.05)
    helper = Helper(django_settings.REDIS_URL)

    def fail(server: redis.Redis) -> str:
        raise redis.ConnectionError

    assert helper.ask(fail) is None
    assert helper.ask(lambda server: server.ping()) is None  # left alone for a moment
    time.sleep(0.06)
    assert helper.ask(lambda server: server.ping())
    assert helper.ask(lambda server: server.ping())


class TestAnswers:
    """The calls that share answers: the network's status, locations with room, and alternatives."""

    def test_the_network_is_counted_once_in_a_moment(self, server: redis.Redis) -> None:
        api = courier_api(make_courier())
        make_location("ONE", small=2)
        first = api.get("/lockers/status").json()
        Compartment.objects.update(occupancy="occupied")
        assert api.get("/lockers/status").json() == first
        _age(server, "network", 2)
        assert api.get("/lockers/status").json()[0]["sizes"][0]["available"] == 0

    def test_one_location_is_counted_for_each_call(self) -> None:
        api = courier_api(make_courier())
        make_location("ONE", small=2)
        api.get("/lockers/status", location="ONE")
        Compartment.objects.update(occupancy="occupied")
        assert api.get("/lockers/status", location="ONE").json()[0]["sizes"][0]["available"] == 0

    def test_lists_by_room_say_when_they_were_made(self) -> None:
        api = courier_api(make_courier())
        make_location("ONE", small=2)
        first = api.get("/locations", size="SMALL").json()
        assert [item["code"] for item in first["items"]] == ["ONE"]
        assert first["as_of"].endswith("Z")
        Compartment.objects.update(occupancy="occupied")
        assert api.get("/locations", size="SMALL").json() == first
        assert api.get("/locations", size="SMALL", limit="2").json()["items"] == []
        assert "as_of" not in api.get("/locations").json()

    def test_a_key_bound_to_locations_shares_nothing(self) -> None:
        """Answers for the whole network are not used for a key that sees one location, nor the reverse."""
        courier = make_courier()
        one, _ = make_location("ONE", small=1), make_location("TWO", small=1)
        bound = Api(make_key(courier=courier, location_ids=[one.pk])[1], Client())
        assert len(courier_api(courier).get("/lockers/status").json()) == 2
        assert len(bound.get("/lockers/status").json()) == 1
        assert len(courier_api(courier).get("/locations", size="SMALL").json()["items"]) == 2
        assert len(bound.get("/locations", size="SMALL").json()["items"]) == 1


def test_the_cached_value_is_the_answer_itself(server: redis.Redis) -> None:
    shared("x", lambda: json.dumps({"name": "Kärsämäki"}))
    assert json.loads(server.get(shared_answers._key("x")) or b"") == {"name": "Kärsämäki"}
