"""Delivery without a broker."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from pytest_django import Settings

from notifications import leases
from notifications.delivery import Counts
from notifications.management.commands import deliver_notifications
from notifications.models import Notification, Status
from notifications.sms import locmem
from tests.notifications.conftest import NOW, Put


@pytest.mark.django_db
def test_once_sends_all_that_is_due(put: Put, settings: Settings) -> None:
    for _ in range(3):
        put()
    Notification.objects.update(next_attempt_at="2020-01-01T00:00Z")
    output = io.StringIO()

    call_command("deliver_notifications", once=True, stdout=output)

    assert len(locmem.outbox) == 3
    assert output.getvalue() == "claimed 3, sent 3, retried 0, dead 0, suppressed 0, given_back 0, lost 0\n"


@pytest.mark.django_db
def test_once_ends_though_new_messages_come_as_fast_as_they_go(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        put(next_attempt_at="2020-01-01T00:00Z")
    limits = []

    def busy(*, limit: int, seconds: float) -> Counts:
        limits.append(limit)
        return Counts(claimed=min(limit, 2), unfinished=True)

    monkeypatch.setattr(deliver_notifications, "deliver_due", busy)
    call_command("deliver_notifications", once=True, stdout=io.StringIO())
    assert limits == [3, 1]


@pytest.mark.django_db
def test_once_sends_also_what_a_slow_provider_left_over(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BATCH_SECONDS", 0.0)  # one message of each batch, the rest goes back
    for _ in range(5):
        put(next_attempt_at=NOW - timedelta(days=999))

    call_command("deliver_notifications", once=True, stdout=io.StringIO())

    assert len(locmem.outbox) == 5


@pytest.mark.django_db
def test_once_fails_aloud_and_a_loop_goes_on_when_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(**options: object) -> None:
        raise OperationalError("secret-host is away")

    monkeypatch.setattr(deliver_notifications, "deliver_due", away)
    with pytest.raises(OperationalError):
        call_command("deliver_notifications", once=True)

    command = deliver_notifications.Command()
    monkeypatch.setattr(connection, "close", lambda: command._stop.set())
    monkeypatch.setattr(signal, "signal", lambda *ignored: None)
    call_command(command, every=0.0)
    assert caplog.messages == ["The database is away: OperationalError"]


@pytest.mark.django_db(transaction=True)
def test_it_runs_until_it_is_told_to_stop() -> None:
    """As a real process; the package does not exist, so its message is suppressed."""
    row = Notification.objects.create(
        kind="stored", channel="sms", subject=f"package:{uuid.uuid4()}", dedup_key="event:1:sms"
    )
    base, _, _ = os.environ["DATABASE_URL"].partition("?")
    query = os.environ["DATABASE_URL"][len(base) :]
    url = f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}{query}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "deliver_notifications", "--every", "0.05"],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(600):
            row.refresh_from_db()
            if row.status not in (Status.PENDING, Status.SENDING) or process.poll() is not None:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (row.status, row.reason) == (Status.SUPPRESSED, "the package does not exist"), errors
    assert process.returncode == 0, errors
    assert "suppressed 1" in output
