"""/livez says that the process is alive, /readyz that it is ready."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings

from common.clock import database_now
from lockerportal.models import ScheduledJob

NO_SERVER = "redis://127.0.0.1:1/0"


def test_livez_uses_no_server(client: Client) -> None:
    """Without the django_db mark, pytest rejects every query."""
    answer = client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready(client: Client) -> None:
    ScheduledJob.objects.update(known_since=Now(), started_at=None)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "redis": "ok", "clock": "ok", "jobs": "ok"}


@pytest.mark.django_db
def test_a_job_that_does_not_run_is_reported_but_does_not_count(client: Client) -> None:
    ScheduledJob.objects.filter(name="expire packages").update(known_since=Now() - timedelta(seconds=91))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "redis": "ok", "clock": "ok", "jobs": "late"}


@pytest.mark.django_db
def test_without_redis_it_is_degraded(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = NO_SERVER
    ScheduledJob.objects.update(known_since=Now(), started_at=None)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "degraded",
        "database": "ok",
        "redis": "away",
        "clock": "ok",
        "jobs": "ok",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "clock"),
    [(3600, "3600 s ahead of the database"), (-90, "90 s behind the database"), (3, "ok"), (-3, "ok")],
)
def test_a_wrong_clock_is_reported(
    client: Client, seconds: int, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = database_now() + timedelta(seconds=seconds)
    monkeypatch.setattr("lockerportal.http.health.timezone.now", lambda: wrong)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["clock"] == clock
    assert answer.json()["status"] == ("ok" if clock == "ok" else "degraded")


@pytest.mark.django_db
def test_with_unapplied_migrations_it_is_not_ready(client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="packages_app").latest("id").delete()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "migrations are missing"


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("connection already closed")])
def test_without_the_database_it_is_not_ready(
    client: Client, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cursor(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(connection, "cursor", cursor)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "away", "redis": "ok"}


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_only_get_and_head_are_allowed(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
