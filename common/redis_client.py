"""Redis client with short timeouts, for uses that only save time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds. Redis responds in a fraction of a millisecond unless something is wrong.
TIMEOUT = 0.25
PAUSE = 5.0


class Helper:
    """A Redis server that may be unavailable, silent or empty at any time."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        self._lock = threading.Lock()
        self._away_until = 0.0  # on the monotonic clock; 0 while it responds

    def ask(self, question: Callable[[redis.Redis], T]) -> T | None:
        """Return the result of `question`, or None if Redis is unavailable.

        After a failure, Redis counts as unavailable. One caller every `PAUSE` seconds tries again, so that
        not all callers wait for a silent server.
        """
        if self._away_until and not self._may_try():
            return None
        try:
            answer = question(self._redis)
        except redis.RedisError as error:
            if not self._away_until:
                logger.warning("Redis is unavailable: %s", type(error).__name__)
            self._away_until = time.monotonic() + PAUSE
            return None
        if self._away_until:
            logger.warning("Redis is available again")
            self._away_until = 0.0
        return answer

    def _may_try(self) -> bool:
        with self._lock:
            if time.monotonic() < self._away_until:
                return False
            self._away_until = time.monotonic() + PAUSE
            return True


@cache
def helper() -> Helper:
    """Return the client of this process."""
    return Helper(settings.REDIS_URL)
