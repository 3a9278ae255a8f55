"""Is the process alive; can it work."""

from __future__ import annotations

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis import Redis, RedisError

from lockerportal import runs
from lockers.clock import database_now


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all; touches nothing."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when this process can do its work; 503 without the database or with unapplied migrations.

    Without Redis the portal works on (messages wait for the next sweep): `degraded`, still 200. `jobs` tells
    whether a scheduled job is overdue or fails, which is no fault of this process; the admin says which.
    """
    database = _database()
    redis = _redis()
    ready = database == "ok"
    status = "unavailable" if not ready else "ok" if redis == "ok" else "degraded"
    body = {"status": status, "database": database, "redis": redis}
    if ready:
        body["jobs"] = "late" if runs.late(database_now()) else "ok"
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "migrations are missing"
    except Error:
        return "away"
    return "ok"


def _redis() -> str:
    client = Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)
    try:
        client.ping()
    except RedisError:
        return "away"
    finally:
        client.close()
    return "ok"
