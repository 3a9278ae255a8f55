"""Settings that other code relies on, and that a careless change would break silently."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from lockerportal.celery import app


def test_the_lockout_matches_the_documentation() -> None:
    assert settings.PICKUP_FREE_ATTEMPTS == 4
    assert timedelta(seconds=30) == settings.PICKUP_FIRST_WAIT
    assert timedelta(minutes=15) == settings.PICKUP_LONGEST_WAIT
    assert settings.PICKUP_DAILY_FAILURES == 60
    assert timedelta(hours=72) == settings.IDEMPOTENCY_KEEP


@pytest.mark.django_db
def test_a_stuck_database_answers_within_three_seconds() -> None:
    def setting(name: str) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting(%s)", [name])
            (value,) = cursor.fetchone()
        return str(value)

    assert setting("statement_timeout") == "2500ms"
    assert setting("lock_timeout") == "2s"
    assert setting("idle_in_transaction_session_timeout") == "15s"
    assert setting("transaction_isolation") == "read committed"
    assert settings.DATABASES["default"]["OPTIONS"]["connect_timeout"] == 2


def test_views_do_not_run_in_transactions_by_default() -> None:
    assert settings.DATABASES["default"]["ATOMIC_REQUESTS"] is False


def test_an_unresponsive_broker_costs_at_most_a_second() -> None:
    options = app.conf.broker_transport_options
    assert options["socket_timeout"] <= 1
    assert options["socket_connect_timeout"] <= 1
    assert app.conf.task_publish_retry is False


def test_every_scheduled_job_exists_and_its_ticks_expire() -> None:
    app.loader.import_default_modules()
    assert app.conf.beat_schedule
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] <= max(entry["schedule"], 60)


def test_composers_can_be_imported() -> None:
    for path in settings.NOTIFICATION_COMPOSERS.values():
        assert callable(import_string(path))


def test_worker_logs_pass_the_same_filter() -> None:
    """By default Celery replaces the handlers with its own."""
    assert app.conf.worker_hijack_root_logger is False
    handlers: Any = settings.LOGGING["handlers"]
    assert all("redact" in handler["filters"] for handler in handlers.values())
