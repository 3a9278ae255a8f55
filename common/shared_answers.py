"""Short-lived shared cache for expensive counts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection

from common.redis_client import helper

LONGEST_BUILD = 3.0  # seconds; the database gives up earlier (`DB_STATEMENT_TIMEOUT_MS`)
POLL = 0.02  # seconds

# Returns the cached text, if there is one, and whether the caller is to build a new one. It is one step, so
# that only one of many callers at the same moment builds.
_LOOK = """
local text = redis.call('GET', KEYS[1])
local mine = 0
if not text or redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  if redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then mine = 1 end
end
return {text, mine}
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


def shared(name: str, build: Callable[[], str]) -> str:
    """Return the result of `build`, or that of another caller at most `settings.SHARED_ANSWERS_SECONDS` ago.

    One caller at a time builds. After half that time, one caller builds a new result while the others still
    get the old one. Without Redis every caller builds, which is slower and gives the same result.
    """
    if not settings.SHARED_ANSWERS_SECONDS:
        return build()
    ours = uuid.uuid4().hex
    ends = time.monotonic() + LONGEST_BUILD
    while time.monotonic() < ends:
        looked = helper().ask(lambda server: _look(server, name, ours))
        if looked is None:
            break
        text, mine = looked
        if mine:
            return _build(name, ours, build)
        if text is not None:
            return text
        time.sleep(POLL)
    return build()


def _look(server: redis.Redis, name: str, ours: str) -> tuple[str | None, int]:
    text, mine = server.eval(
        _LOOK, 2, _key(name), _lock(name), _ms(settings.SHARED_ANSWERS_SECONDS / 2), ours, _ms(LONGEST_BUILD)
    )
    return text, mine


def _build(name: str, ours: str, build: Callable[[], str]) -> str:
    begun = time.monotonic()
    try:
        text = build()
        left = settings.SHARED_ANSWERS_SECONDS - (time.monotonic() - begun)
        if left > 0:
            helper().ask(lambda server: server.set(_key(name), text, px=_ms(left)))
        return text
    finally:
        helper().ask(lambda server: server.eval(_RELEASE, 1, _lock(name), ours))


def _key(name: str) -> str:
    return f"lockerportal:{connection.settings_dict['NAME']}:shared:{name}"


def _lock(name: str) -> str:
    return _key(name) + ":lock"


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
