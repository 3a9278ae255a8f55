"""Fixtures: messages in the outbox, a fixed time, and providers on the loopback."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from notifications.models import Notification
from notifications.sms import locmem
from tests.notifications.providers import SmsGateway, SmtpServer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Put = Callable[..., Notification]


@pytest.fixture(autouse=True)
def room(settings: Settings) -> Iterator[None]:
    """Isolate the app: a composer of its own, messages kept in memory, delivery not woken."""
    settings.NOTIFICATION_COMPOSERS = {"thing": "tests.notifications.composers.compose"}
    settings.NOTIFICATION_NUDGE = False
    settings.SMS_BACKEND = "notifications.sms.locmem.SmsBackend"
    locmem.outbox.clear()
    yield
    locmem.outbox.clear()


@pytest.fixture
def put() -> Put:
    """`put(channel="sms", **fields)` makes a message that is due at `NOW`."""
    numbers = itertools.count(1)

    def put(channel: str = "sms", **fields: object) -> Notification:
        number = next(numbers)
        values = {
            "kind": "stored",
            "subject": f"thing:{number}",
            "dedup_key": f"event:{number}:{channel}",
            "next_attempt_at": NOW,
            **fields,
        }
        row = Notification.objects.create(channel=channel, **values)
        row.refresh_from_db()
        return row

    return put


@pytest.fixture
def smtp(settings: Settings) -> Iterator[SmtpServer]:
    """Run a real SMTP server, and make the portal send through it."""
    with SmtpServer() as server:
        settings.EMAIL_BACKEND = "notifications.email.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.hostname, server.port
        settings.EMAIL_TIMEOUT = 0.5
        yield server


@contextmanager
def serving() -> Iterator[SmsGateway]:
    """Run a real HTTP gateway for SMS during the block."""
    server = SmsGateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def gateway(settings: Settings) -> Iterator[SmsGateway]:
    """Run a gateway, and make the portal send through it."""
    with serving() as server:
        settings.SMS_BACKEND = "notifications.sms.http.SmsBackend"
        settings.SMS_GATEWAY_URL = f"http://127.0.0.1:{server.server_port}/send?v=1"
        settings.SMS_GATEWAY_TOKEN = "token-of-the-gateway"
        settings.SMS_TIMEOUT = 0.5
        yield server


@pytest.fixture
def second_gateway(settings: Settings) -> Iterator[SmsGateway]:
    """Run another gateway as the second provider."""
    with serving() as server:
        settings.SMS_BACKEND_2 = "notifications.sms.http.SmsBackend"
        settings.SMS_GATEWAY_URL_2 = f"http://127.0.0.1:{server.server_port}/other"
        settings.SMS_GATEWAY_TOKEN_2 = "token-of-the-other"
        settings.SMS_SENDER_2 = "Parcels"
        yield server
