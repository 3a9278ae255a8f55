"""Health checks: whether the process is alive, and whether it is ready."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from redis import Redis, RedisError

from common.clock import database_now
from lockerportal.jobs import run_history

logger = logging.getLogger(__name__)

CLOCK_TOLERANCE = timedelta(seconds=5)


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process answers at all, without using any server."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if this process can work, and 503 without the database or with unapplied migrations.

    Without Redis the portal continues to work, but messages wait for the next sweep: `degraded`, still 200.
    So is a clock that differs from the database's by more than `CLOCK_TOLERANCE`. `jobs` says whether a
    scheduled job is overdue or failing, which is not the fault of this process; the admin says which job.
    """
    database = _database()
    redis = _redis()
    ready = database == "ok"
    body = {"status": "unavailable", "database": database, "redis": redis}
    if ready:
        body["clock"] = _clock()
        body["status"] = "ok" if redis == body["clock"] == "ok" else "degraded"
        body["jobs"] = "late" if run_history.late_jobs(database_now()) else "ok"
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


def _clock() -> str:
    """Compare clocks: deposits and extensions use this machine's, the jobs that end holds the database's."""
    before = timezone.now()
    database = database_now()
    local = before + (timezone.now() - before) / 2
    ahead = local - database
    if abs(ahead) <= CLOCK_TOLERANCE:
        return "ok"
    side = "ahead of" if ahead > timedelta(0) else "behind"
    logger.warning("This machine's clock is %d s %s the database's", abs(ahead).total_seconds(), side)
    return f"{abs(ahead).total_seconds():.0f} s {side} the database"


def _redis() -> str:
    client = Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)
    try:
        client.ping()
    except RedisError:
        return "away"
    finally:
        client.close()
    return "ok"
