"""`python -m bench.sweeper WAY`: expire everything that is due, in a separate process like a worker."""

from __future__ import annotations

import sys
import time


def main(way: str) -> None:
    """Print a line when ready, wait for one, then expire and print the seconds that it took."""
    import django

    django.setup()
    from django.db import connection
    from django.utils import timezone

    from packages_app import operations
    from packages_app.core.actor import SYSTEM
    from packages_app.sql import expiry

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    now = timezone.now()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    started = time.perf_counter()
    if way == "sweep":
        operations.expire_due(now=now)
    elif way == "one statement":
        with connection.cursor() as cursor:
            # The planner sometimes mistakes the 100,000 for a few, and then compares each row with each.
            cursor.execute("SET enable_nestloop = off")
            cursor.execute(expiry.EXPIRE, {"now": now, "batch": 10_000_000, "by": SYSTEM.name})
    else:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE packages_app_package SET status = 'EXPIRED', updated_at = clock_timestamp()"
                " WHERE status = 'STORED' AND expires_at <= %s",
                [now],
            )
    sys.stdout.write(f"{time.perf_counter() - started}\n")


if __name__ == "__main__":
    main(sys.argv[1])
