"""Pytest plugin: the environment that the tests need, before pytest-django loads the settings.

Where DATABASE_URL or REDIS_URL is not given, real servers are started from the wheels for the session.
Under xdist the controller does this, and the workers inherit it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from devtools.servers import embedded

_VALUES = {
    "DEBUG": "true",
    "SECRET_KEY": "a-key-for-tests-only-0123456789-abcdefghijklmnop",
    "PICKUP_CODE_SECRETS": "1:a-pickup-secret-for-tests-only-0123456789-abcdef",
    "SMS_BACKEND": "notifications.sms.locmem.SmsBackend",
    "SHARED_ANSWERS_SECONDS": "0",  # or a test would get the answers of the one before
    "SMS_PER_NUMBER": "1000000",  # people of tests share a number; the tests of limits set it
    "RATE_LIMITS": "false",  # the tests of limits set them: all tests share one Redis and one address
}

_running = contextlib.ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Set the environment; a wrapper, because pytest-django loads the settings in this same hook."""
    os.environ.update(_VALUES)
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        # Nobody needs these data again, so they need not wait for the disk. Tests that kill servers start
        # durable ones of their own.
        servers = _running.enter_context(embedded.temporary_servers(durable=False))
        os.environ.setdefault("DATABASE_URL", servers.database_url)
        os.environ.setdefault("REDIS_URL", servers.redis_url)
    try:
        return (yield)
    except BaseException:
        _running.close()
        raise


def pytest_unconfigure() -> None:
    """Stop what was started."""
    _running.close()
