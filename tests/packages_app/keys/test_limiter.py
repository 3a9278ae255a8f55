"""The token bucket: how many it gives, by whose clock, and what happens when Redis is not there."""

from __future__ import annotations

import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from common.redis_client import PAUSE, Helper
from packages_app.keys.limiter import Limit, Limiter

SLOW = Limit(rate=0.001, burst=10)  # a thousand seconds for one: nothing comes back during a test
FAST = Limit(rate=1000.0, burst=5000)
USUAL = Limit(rate=100.0, burst=500)


@pytest.fixture
def limiter() -> Limiter:
    return Limiter(Helper(settings.REDIS_URL))


@pytest.fixture
def bucket() -> Iterator[str]:
    name = f"test:{uuid.uuid4().hex}"
    yield name
    Redis.from_url(settings.REDIS_URL).delete(name)


def allowed(take: Callable[[], Any], times: int) -> list[bool]:
    return [take().allowed for _ in range(times)]


def test_the_burst_and_no_more(limiter: Limiter, bucket: str) -> None:
    assert allowed(lambda: limiter.take(bucket, SLOW), 13) == [True] * 10 + [False] * 3


def test_how_it_stands(limiter: Limiter, bucket: str) -> None:
    first = limiter.take(bucket, SLOW)
    assert first is not None
    assert (first.remaining, first.full_in) == (9, 1000)
    for _ in range(9):
        last = limiter.take(bucket, SLOW)
    assert last is not None
    assert (last.allowed, last.remaining) == (True, 0)
    over = limiter.take(bucket, SLOW)
    assert over is not None
    assert (over.allowed, over.remaining) == (False, 0)
    assert 995 <= over.next_in <= 1000
    assert 9990 <= over.full_in <= 10_000


def test_a_refused_one_costs_nothing(limiter: Limiter, bucket: str) -> None:
    limit = Limit(rate=0.001, burst=1)
    redis = Redis.from_url(settings.REDIS_URL)
    assert allowed(lambda: limiter.take(bucket, limit), 1) == [True]
    before = redis.get(bucket)
    assert allowed(lambda: limiter.take(bucket, limit), 3) == [False] * 3
    assert redis.get(bucket) == before


def test_buckets_are_apart(limiter: Limiter, bucket: str) -> None:
    allowed(lambda: limiter.take(bucket, SLOW), 11)
    other = limiter.take(f"{bucket}:other", SLOW)
    assert other is not None
    assert other.allowed


def test_all_processes_share_a_bucket(bucket: str) -> None:
    processes = [Limiter(Helper(settings.REDIS_URL)) for _ in range(3)]
    given = [one.take(bucket, SLOW) for _ in range(5) for one in processes]
    assert sum(standing is not None and standing.allowed for standing in given) == 10


def test_a_busy_bucket_is_asked_seldom_and_gives_no_more(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes at once: together they never get more than the bucket has."""
    limit = Limit(rate=1000.0, burst=5000)
    processes = [Limiter(Helper(settings.REDIS_URL)) for _ in range(2)]
    asked = []
    real = Limiter._ask

    def ask(self: Limiter, *arguments: Any) -> Any:
        asked.append(arguments)
        return real(self, *arguments)

    monkeypatch.setattr(Limiter, "_ask", ask)
    begun = time.monotonic()
    passed = 0
    for _ in range(6000):
        for one in processes:
            standing = one.take(bucket, limit)
            passed += standing is not None and standing.allowed
    most = limit.burst + limit.rate * (time.monotonic() - begun) + 1
    least = limit.burst - 2 * limit.lease
    assert least <= passed <= most
    assert len(asked) < 12_000 / 5


def test_a_seldom_used_bucket_gives_one_at_a_time(limiter: Limiter, bucket: str) -> None:
    """What one process has taken and not used is lost for the others."""
    taken = limiter.take(bucket, FAST)
    assert taken is not None
    left = Limiter(Helper(settings.REDIS_URL)).take(bucket, FAST)
    assert left is not None
    assert taken.remaining == 4999
    assert left.remaining >= 4998


def test_who_comes_now_and_then_is_not_asked_for_and_pays_with_the_next(
    limiter: Limiter, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, asked = 100.0, []

    def ask(self: Limiter, bucket: str, limit: Limit, wanted: int) -> list[int]:
        asked.append(wanted)
        return [wanted, limit.burst - wanted, wanted, 0]

    monkeypatch.setattr(Limiter, "_ask", ask)
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    for _ in range(10):
        standing = limiter.take(bucket, FAST)
        assert standing is not None
        assert (standing.allowed, standing.remaining) == (True, 4999)
        clock += 0.5
    assert asked == []
    for _ in range(2):
        limiter.take(bucket, FAST)
    assert asked == [2]


def test_no_credit_where_the_bucket_was_seen_empty(
    limiter: Limiter, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, answers = 100.0, [[0, 0, 5000, 1], [0, 0, 5000, 1], [1, 0, 5000, 1]]
    monkeypatch.setattr(Limiter, "_ask", lambda *_: answers.pop(0))
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    seen = []
    for pause in (0.0, 0.6, 0.6, 0.6, 0.6):
        standing = limiter.take(bucket, FAST)
        assert standing is not None
        seen.append(standing.allowed)
        clock += pause
    assert seen == [True, False, False, True, True]
    assert answers == []


@pytest.mark.parametrize("limit", [SLOW, Limit(rate=199.0, burst=5000), Limit(rate=5000.0, burst=99)])
def test_narrow_limits_give_no_credit(
    limiter: Limiter, bucket: str, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limiter, "_ask", lambda *_: [1, 7, 1, 1])
    standing = limiter.take(bucket, limit)
    assert standing is not None
    assert standing.remaining == 7


def test_remaining_counts_down(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a token comes from Redis or was taken before."""
    left = 5000

    def ask(self: Limiter, bucket: str, limit: Limit, wanted: int) -> list[int]:
        nonlocal left
        left -= wanted
        return [wanted, left, 5000 - left, 0]

    monkeypatch.setattr(Limiter, "_ask", ask)
    monkeypatch.setattr(time, "monotonic", lambda: 1.0)
    limiter = Limiter(Helper(settings.REDIS_URL))
    standings = [limiter.take(bucket, FAST) for _ in range(500)]
    assert [one and one.remaining for one in standings] == list(range(4999, 4499, -1))


def test_an_idle_bucket_is_forgotten_when_it_is_full(limiter: Limiter, bucket: str) -> None:
    for number in range(1, 4):
        limiter.take(bucket, SLOW)
        assert 0 < Redis.from_url(settings.REDIS_URL).pttl(bucket) <= number * 1_000_000


def test_a_clock_set_back_does_not_close_a_bucket(limiter: Limiter, bucket: str) -> None:
    """For no longer than it takes to fill."""
    redis = Redis.from_url(settings.REDIS_URL)
    redis.set(bucket, int((time.time() + 10**6) * 10**6))
    standing = limiter.take(bucket, SLOW)
    assert standing is not None
    assert not standing.allowed
    assert 990 <= standing.next_in <= 1000


def test_flushed_it_begins_anew(limiter: Limiter, bucket: str) -> None:
    allowed(lambda: limiter.take(bucket, SLOW), 11)
    redis = Redis.from_url(settings.REDIS_URL)
    redis.delete(bucket)
    redis.script_flush()
    assert allowed(lambda: limiter.take(bucket, SLOW), 11) == [True] * 10 + [False]


class TestAway:
    """Nobody counts, everybody is let through, and hardly anybody waits."""

    @pytest.fixture
    def dead(self) -> Limiter:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        return Limiter(Helper(f"redis://127.0.0.1:{port}/0"))

    @pytest.fixture
    def silent(self) -> Iterator[tuple[Limiter, list[socket.socket]]]:
        """It accepts connections and never answers."""
        listener = socket.create_server(("127.0.0.1", 0))
        accepted: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    accepted.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield Limiter(Helper(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")), accepted
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for one in accepted:
            one.close()

    def test_dead(self, dead: Limiter, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            assert [dead.take("b", limit) for _ in range(20) for limit in (SLOW, USUAL)] == [None] * 40
        assert [record.getMessage() for record in caplog.records] == ["Redis is unavailable: ConnectionError"]

    def test_silent_is_asked_once_in_a_while(
        self, silent: tuple[Limiter, list[socket.socket]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limiter, accepted = silent
        assert [limiter.take("b", SLOW) for _ in range(50)] == [None] * 50
        assert len(accepted) == 1
        later = time.monotonic() + PAUSE + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert [limiter.take("b", SLOW) for _ in range(50)] == [None] * 50
        assert len(accepted) == 2

    def test_one_tries_and_the_others_go_on(
        self, silent: tuple[Limiter, list[socket.socket]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limiter, accepted = silent
        limiter.take("b", SLOW)
        later = time.monotonic() + PAUSE + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        threads = [threading.Thread(target=limiter.take, args=("b", SLOW)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(accepted) == 2

    def test_back_again(
        self, bucket: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        limiter = Limiter(Helper(settings.REDIS_URL))
        limiter._helper._away_until = time.monotonic() + PAUSE
        assert limiter.take(bucket, SLOW) is None
        later = time.monotonic() + PAUSE + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        with caplog.at_level(logging.WARNING):
            assert allowed(lambda: limiter.take(bucket, SLOW), 11) == [True] * 10 + [False]
        assert [record.getMessage() for record in caplog.records] == ["Redis is available again"]
