"""How often something may be done, counted in Redis for all processes together: a token bucket (GCRA).

One atomic round trip by Redis' own clock. A busy bucket is not asked for each token: a process takes some
at once, never more than 50 ms of the rate, so that the count costs next to nothing. Nor is a wide one asked
for who comes now and then, as a kiosk does: that call is paid for with the next one that comes soon after it.
Without Redis nobody counts and everybody is let through (`common/redis_client.py`).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import ceil
from typing import Any, cast

from common.redis_client import Helper, helper

LEASE_LIVES = 0.5  # seconds; unused tokens are lost then; the bucket fills up again anyway
LEASE_AT_MOST = 0.05  # of the rate
CREDIT_FROM = 10  # tokens at once: then a call in half a second is 1 % of the rate at the most

# The bucket is kept as the moment at which it would be full again, in microseconds, and forgotten when it is.
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
    """So many a second on average, and up to `burst` at once."""

    rate: float
    burst: int

    @cached_property
    def window(self) -> int:
        """Seconds in which an empty bucket fills up."""
        return max(1, ceil(self.burst / self.rate))

    @cached_property
    def lease(self) -> int:
        """How many tokens a process may take at once."""
        return max(1, min(int(self.rate * LEASE_AT_MOST), self.burst // 10))


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether this one was allowed, how many more are, and in how many seconds what happens."""

    allowed: bool
    remaining: int
    full_in: int
    next_in: int  # when it was not allowed: until one is again, 1 at the least


class Limiter:
    """The buckets in one Redis."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self._leases: dict[str, _Lease] = {}

    def take(self, bucket: str, limit: Limit) -> Standing | None:
        """One token from the bucket, if there is one; None when nobody can say, as Redis is away."""
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
        """Up to `wanted` tokens beside those `owed`: how many it were, and how it stands after the first."""
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
    """Tokens of one bucket that this process has taken and not used yet. Threads share it."""

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
        """One that Redis is not asked for: the first in half a second, unless the bucket was seen empty."""
        with self._lock:
            now = time.monotonic()
            begins, self._credit_from = self._credit_from, now + LEASE_LIVES
            if limit.lease < CREDIT_FROM or self._refusal or now < begins:
                return None
            self.owed = 1  # an earlier one has come back to the bucket since
            return Standing(allowed=True, remaining=limit.burst - 1, full_in=1, next_in=1)

    def take(self) -> Standing | None:
        """One of them, or that the bucket was just seen empty; None to ask Redis."""
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
        """Twice as many as the last time where those were used up; one where hardly anybody comes."""
        with self._lock:
            in_time = time.monotonic() < self._until
            self._size = min(self._size * 2, most) if in_time and not self._refusal else 1
            return self._size

    def put(self, given: int, standing: Standing | None) -> None:
        """What Redis has given, of which the first is used."""
        now = time.monotonic()
        with self._lock:
            if now >= self._until:
                self._tokens = 0  # of a lease that has ended
            if standing is None:
                self._standing = None
                return
            self.owed = 0
            self._refusal = not standing.allowed and not self._tokens
            self._tokens += max(given - 1, 0)
            # An empty bucket fills soon: it is looked at again after a token's time at the latest.
            self._until = now + (min(LEASE_LIVES, 0.02) if self._refusal else LEASE_LIVES)
            left = standing.remaining - max(given - 1, 0)
            self._standing = replace(standing, remaining=left)


@cache
def limiter() -> Limiter:
    """This process's own."""
    return Limiter(helper())
