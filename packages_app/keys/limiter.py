"""A rate limiter whose token buckets (GCRA) are in Redis, shared by all processes.

Taking tokens is one atomic round trip, by the clock of Redis. A process takes several tokens of a busy bucket
at once, at most those of 50 ms, so that the count costs next to nothing. For a caller with a high limit who
calls now and then, as a kiosk does, Redis is not asked at all: that call is charged with the next one that
follows soon. Without Redis nothing is counted and every call is allowed (`common/redis_client.py`).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import ceil
from typing import Any, cast

from common.redis_client import Helper, helper

LEASE_LIVES = 0.5  # seconds; unused tokens are lost then, but the bucket fills up again anyway
LEASE_AT_MOST = 0.05  # of the tokens per second
CREDIT_FROM = 10  # tokens in a lease: then one call in half a second is at most 1% of the rate

# A bucket is stored as the time at which it is full again, in microseconds, and deleted when it is.
# A clock that was set back must not close it for longer than it takes to fill.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
full_at = math.min(math.max(full_at, now), now + burst * interval)
local there = math.floor((now + burst * interval - full_at) / interval + 0.001)
local given = math.min(wanted, there)
if given > 0 then
  full_at = full_at + given * interval
  redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
end
local next_in = math.max(0, full_at + interval - burst * interval - now)
return {given, there - given, math.ceil((full_at - now) / 1000), math.ceil(next_in / 1000)}
"""


@dataclass(frozen=True)
class Limit:
    """`rate` calls per second on average, and up to `burst` at once."""

    rate: float
    burst: int

    @cached_property
    def window(self) -> int:
        """Return the seconds in which an empty bucket fills up."""
        return max(1, ceil(self.burst / self.rate))

    @cached_property
    def lease(self) -> int:
        """Return how many tokens a process may take at once."""
        return max(1, min(int(self.rate * LEASE_AT_MOST), self.burst // 10))


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a call was allowed, how many more are, and in how many seconds that changes."""

    allowed: bool
    remaining: int
    full_in: int
    next_in: int  # if it was not allowed: seconds until the next one is, at least 1


class Limiter:
    """The token buckets in one Redis."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self._leases: dict[str, _Lease] = {}

    def take(self, bucket: str, limit: Limit) -> Standing | None:
        """Take a token from the bucket, if there is one; return None while Redis is away."""
        if limit.lease == 1:
            return self.take_many(bucket, limit, 1)[1]
        lease = self._leases.get(bucket)
        if lease is None:
            lease = self._leases.setdefault(bucket, _Lease())
        standing = lease.take() or lease.on_credit(limit)
        if standing is not None:
            return standing
        owed = lease.owed
        given, standing = self.take_many(bucket, limit, lease.wanted(limit.lease), owed=owed)
        lease.put(given, standing)
        return standing

    def take_many(
        self, bucket: str, limit: Limit, wanted: int, *, owed: int = 0
    ) -> tuple[int, Standing | None]:
        """Take up to `wanted` tokens and those `owed`; return how many, and the standing after the first."""
        answer = self._ask(bucket, limit, wanted + owed)
        if answer is None:
            return 0, None
        given, remaining, full_in, next_in = answer
        given = max(given - owed, 0)
        return given, Standing(
            allowed=given > 0,
            remaining=remaining + max(given - 1, 0),
            full_in=ceil(full_in / 1000),
            next_in=max(1, ceil(next_in / 1000)),
        )

    def _ask(self, bucket: str, limit: Limit, wanted: int) -> list[int] | None:
        interval = 1_000_000 / limit.rate
        answer: Any = self._helper.ask(
            lambda server: server.eval(_TAKE, 1, bucket, interval, limit.burst, wanted)
        )
        return cast("list[int] | None", answer)


class _Lease:
    """The tokens of one bucket that this process has taken and not used yet. Threads share it."""

    __slots__ = ("_credit_from", "_lock", "_refusal", "_size", "_standing", "_tokens", "_until", "owed")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens = 0
        self._size = 1
        self._until = 0.0
        self._standing: Standing | None = None
        self._refusal = False
        self._credit_from = float("-inf")
        self.owed = 0

    def on_credit(self, limit: Limit) -> Standing | None:
        """Allow the first call in half a second without asking Redis, unless the bucket was seen empty."""
        with self._lock:
            now = time.monotonic()
            begins, self._credit_from = self._credit_from, now + LEASE_LIVES
            if limit.lease < CREDIT_FROM or self._refusal or now < begins:
                return None
            self.owed = 1  # what was owed before has flowed back into the bucket since
            return Standing(allowed=True, remaining=limit.burst - 1, full_in=1, next_in=1)

    def take(self) -> Standing | None:
        """Use a token, or say that the bucket was just seen empty; return None to ask Redis."""
        with self._lock:
            standing = self._standing
            if standing is None or time.monotonic() >= self._until:
                return None
            if self._refusal:
                return standing
            if not self._tokens:
                return None
            self._tokens -= 1
            remaining = standing.remaining + self._tokens
            return Standing(allowed=True, remaining=remaining, full_in=standing.full_in, next_in=1)

    def wanted(self, most: int) -> int:
        """Return how many tokens to take: twice as many as last time if those were used up, else one."""
        with self._lock:
            in_time = time.monotonic() < self._until
            self._size = min(self._size * 2, most) if in_time and not self._refusal else 1
            return self._size

    def put(self, given: int, standing: Standing | None) -> None:
        """Keep the tokens that Redis has given, the first of which is used."""
        now = time.monotonic()
        with self._lock:
            if now >= self._until:
                self._tokens = 0  # those of a lease that has ended are lost
            if standing is None:
                self._standing = None
                return
            self.owed = 0
            self._refusal = not standing.allowed and not self._tokens
            self._tokens += max(given - 1, 0)
            # An empty bucket fills soon: Redis is asked again after the time of one token at the latest.
            self._until = now + (min(LEASE_LIVES, 0.02) if self._refusal else LEASE_LIVES)
            left = standing.remaining - max(given - 1, 0)
            self._standing = replace(standing, remaining=left)


@cache
def limiter() -> Limiter:
    """Return the limiter of this process."""
    return Limiter(helper())
