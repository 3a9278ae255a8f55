"""Redis for what is only about speed: asked without patience, and left alone for a moment when it is away."""

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

# Seconds. Redis answers in a fraction of a millisecond, or something is wrong with it.
PATIENCE = 0.25
PAUSE = 5.0


class Helper:
    """One Redis, which may be away, silent or empty at any time."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        self._lock = threading.Lock()
        self._away_until = 0.0  # on the steady clock; 0 while it answers

    def ask(self, question: Callable[[redis.Redis], T]) -> T | None:
        """What Redis answers to `question`, or None when it is away.

        After a failure it is taken for away at once; one caller in `PAUSE` seconds finds out whether it is
        back, so that not everybody waits for a silent one.
        """
        if self._away_until and not self._may_try():
            return None
        try:
            answer = question(self._redis)
        except redis.RedisError as error:
            if not self._away_until:
                logger.warning("Redis is away: %s", type(error).__name__)
            self._away_until = time.monotonic() + PAUSE
            return None
        if self._away_until:
            logger.warning("Redis is back")
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
    """This process's own."""
    return Helper(settings.REDIS_URL)
