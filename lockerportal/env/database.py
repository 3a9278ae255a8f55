"""Read the settings of PostgreSQL from the environment."""

from __future__ import annotations

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from lockerportal.env import parsing as read


def timeouts(env: environ.Env) -> dict[str, int]:
    """Return the timeouts that the server applies to each connection, in milliseconds.

    If the database is stuck, the portal must answer 503 within 3 s and leave nothing half done. An idle
    transaction keeps a snapshot open, and every claim would have to skip the dead index entries that vacuum
    may not remove.
    """
    return {
        "statement_timeout": read.whole(
            env, "DB_STATEMENT_TIMEOUT_MS", default=2500, least=100, most=600_000
        ),
        "lock_timeout": read.whole(env, "DB_LOCK_TIMEOUT_MS", default=2000, least=100, most=600_000),
        "idle_in_transaction_session_timeout": 15_000,
    }


def server(env: environ.Env, timeouts: dict[str, int], *, prepares: bool, debug: bool) -> dict[str, Any]:
    """Return Django's settings for DATABASE_URL; `prepares` allows prepared statements."""
    if debug and not env.str("DATABASE_URL", default=""):
        raise read.refuse("DATABASE_URL", "is missing: `make run` starts a database of its own and sets it")
    url = read.url(env, "DATABASE_URL", schemes=("postgres", "postgresql"))
    try:
        options: dict[str, Any] = environ.Env.db_url_config(url)
    except (ValueError, ImproperlyConfigured):
        raise read.refuse("DATABASE_URL", "is malformed") from None
    return {
        **options,
        "ENGINE": "lockerportal.database",
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **options.get("OPTIONS", {}),
            "connect_timeout": 2,
            "options": " ".join(f"-c {name}={value}" for name, value in timeouts.items()),
            # Without a threshold psycopg prepares nothing, not even on request. This one is never reached, so
            # only what `common/sql.py` requests is prepared.
            "prepare_threshold": 1_000_000_000 if prepares else None,
        },
    }
