"""The command that delivers without a broker."""

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

from notifications.delivery import leases
from notifications.delivery.runner import Counts
from notifications.management.commands import deliver_notifications
from notifications.models import Destination, Notification, Status
from notifications.sms import locmem
from tests.notifications.conftest import NOW, Put
from tests.notifications.endpoint_sink import endpoint_sink


@pytest.mark.django_db
def test_once_sends_all_that_is_due(put: Put, settings: Settings) -> None:
    for _ in range(3):
        put()
    Notification.objects.update(next_attempt_at="2020-01-01T00:00Z")
    output = io.StringIO()

    call_command("deliver_notifications", once=True, stdout=output)

    assert len(locmem.outbox) == 3
    assert output.getvalue().startswith("claimed 3, sent 3, retried 0, dead 0, suppressed 0, ")
    assert output.getvalue().endswith("given_back 0, lost 0\n")


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
def test_once_sends_webhooks_as_well(put: Put, settings: Settings) -> None:
    settings.NOTIFICATION_COMPOSERS["webhook"] = "tests.notifications.composers.compose_hook"
    settings.WEBHOOK_ALLOW_PRIVATE = True
    Destination.objects.create(subject="hook:1")
    with endpoint_sink() as sink:
        put("sms")
        for _ in range(3):
            put("webhook", subject="hook:1", queue="thing:1", context={"url": sink.url()})
        Notification.objects.update(next_attempt_at="2020-01-01T00:00Z")
        call_command("deliver_notifications", once=True, stdout=io.StringIO())
        assert (len(locmem.outbox), len(sink.taken)) == (1, 3)


@pytest.mark.django_db
def test_without_the_database_once_fails_and_the_loop_continues(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(**options: object) -> None:
        raise OperationalError("secret-host is away")

    monkeypatch.setattr(deliver_notifications, "deliver_due", away)
    monkeypatch.setattr(deliver_notifications, "deliver_webhooks", lambda **options: Counts())
    with pytest.raises(OperationalError):
        call_command("deliver_notifications", once=True)

    command = deliver_notifications.Command()
    monkeypatch.setattr(connection, "close", lambda: command._stop.set())
    monkeypatch.setattr(signal, "signal", lambda *ignored: None)
    call_command(command, every=0.0)
    assert caplog.messages == ["The database is unavailable: OperationalError"]


@pytest.mark.django_db(transaction=True)
def test_it_runs_until_it_is_told_to_stop() -> None:
    """Run it as a real process; the package does not exist, so its message is suppressed."""
    row = Notification.objects.create(
        kind="stored", channel="sms", subject=f"package:{uuid.uuid4()}", dedup_key="event:1:sms"
    )
    Destination.objects.create(subject="webhook:1")
    hook = Notification.objects.create(
        kind="package.stored", channel="webhook", subject="webhook:1", dedup_key="event:1:webhook"
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
            left = Notification.objects.filter(status__in=[Status.PENDING, Status.SENDING])
            if not left.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    row.refresh_from_db()
    hook.refresh_from_db()
    assert (hook.status, hook.reason) == (Status.SUPPRESSED, "the endpoint was deleted"), errors
    assert (row.status, row.reason) == (Status.SUPPRESSED, "the package does not exist"), errors
    assert process.returncode == 0, errors
    assert "suppressed 1" in output
