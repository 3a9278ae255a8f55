"""Settings that others rely on, and that a careless change would break without a sound."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from lockerportal.celery import app


def test_the_lock_out_is_what_the_documents_say() -> None:
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


def test_no_view_runs_in_a_transaction_that_it_did_not_open() -> None:
    assert settings.DATABASES["default"]["ATOMIC_REQUESTS"] is False


def test_a_silent_broker_costs_a_second_at_the_most() -> None:
    options = app.conf.broker_transport_options
    assert options["socket_timeout"] <= 1
    assert options["socket_connect_timeout"] <= 1
    assert app.conf.task_publish_retry is False


def test_every_scheduled_job_exists_and_its_ticks_do_not_pile_up() -> None:
    app.loader.import_default_modules()
    assert app.conf.beat_schedule
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] <= max(entry["schedule"], 60)


def test_composers_can_be_imported() -> None:
    for path in settings.NOTIFICATION_COMPOSERS.values():
        assert callable(import_string(path))


def test_worker_logs_pass_through_the_same_filter() -> None:
    """Celery would put handlers of its own in place of ours."""
    assert app.conf.worker_hijack_root_logger is False
    handlers: Any = settings.LOGGING["handlers"]
    assert all("redact" in handler["filters"] for handler in handlers.values())
