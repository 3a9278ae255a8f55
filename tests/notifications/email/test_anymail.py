"""Email through providers that django-anymail supports: its test backend, and a real one over HTTP."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import zxingcpp
from anymail.exceptions import AnymailAPIError, AnymailUnsupportedFeature
from anymail.signals import pre_send
from django.core import mail
from PIL import Image
from pytest_django import Settings

from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.models import ChannelState, Notification, Status
from tests.notifications.conftest import NOW, Put
from tests.notifications.providers import SmsGateway, free_port

pytestmark = pytest.mark.django_db
TAKEN = '{"To": "mari@example.com", "MessageID": "pm-1", "ErrorCode": 0, "Message": "OK"}'


def fate(row: Notification) -> tuple[str, str]:
    row.refresh_from_db()
    return row.status, row.reason


def is_open(provider: str) -> bool:
    return ChannelState.objects.filter(channel="email", provider=provider, opened_at__isnull=False).exists()


@pytest.fixture
def backend(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"


@pytest.fixture
def postmark(gateway: SmsGateway, settings: Settings) -> SmsGateway:
    """A server that answers like Postmark."""
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "a-token",
        "POSTMARK_API_URL": f"http://127.0.0.1:{gateway.server_port}/",
        "REQUESTS_TIMEOUT": 0.5,
    }
    gateway.moods = [(200, {"Content-Type": "application/json"}, TAKEN)]
    return gateway


@pytest.fixture
def failing() -> Iterator[Any]:
    """`failing(error)` makes the provider's API raise it."""
    receivers = []

    def fail(error: Exception) -> None:
        def receive(sender: object, message: Any, **_: object) -> None:
            message.anymail_test_response = error
            if not isinstance(error, AnymailAPIError):
                raise error

        receivers.append(receive)
        pre_send.connect(receive)

    yield fail
    for receive in receivers:
        pre_send.disconnect(receive)


def test_the_provider_s_id_is_recorded_and_the_picture_travels_within(put: Put, backend: None) -> None:
    put("email")
    row = put("email")

    assert deliver_due(now=NOW).sent == 2

    row.refresh_from_db()
    assert (row.status, row.provider, row.provider_id) == (Status.SENT, "test", "1")
    sent: Any = mail.outbox[1]
    (picture,) = sent.anymail_test_params["attachments"]
    assert picture.inline
    assert f"cid:{picture.cid}" in sent.anymail_test_params["html_body"]
    (read,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.content)))
    assert read.text == "48217730"


def test_by_a_real_api(put: Put, postmark: SmsGateway) -> None:
    row = put("email")

    assert deliver_due(now=NOW) == Counts(claimed=1, sent=1)

    row.refresh_from_db()
    assert (row.provider, row.provider_id) == ("postmark", "pm-1")
    ((path, headers),) = postmark.requests
    assert (path, headers["X-Postmark-Server-Token"]) == ("/email", "a-token")


@pytest.mark.parametrize(
    ("status", "headers", "end", "paused"),
    [
        (400, {}, Status.DEAD, False),
        (422, {}, Status.DEAD, False),
        (401, {}, Status.PENDING, True),
        (403, {}, Status.PENDING, True),
        (408, {}, Status.PENDING, True),
        (429, {"Retry-After": "600"}, Status.PENDING, True),
        (500, {}, Status.PENDING, True),
        (503, {}, Status.PENDING, True),
    ],
)
def test_what_an_api_refuses(
    put: Put, postmark: SmsGateway, status: int, headers: dict[str, str], end: str, paused: bool
) -> None:
    said = '{"ErrorCode": 10, "Message": "not to mari@example.com, code 48217730"}'
    postmark.moods = [(status, {"Content-Type": "application/json", **headers}, said)] * 6
    rows = [put("email") for _ in range(6)]

    deliver_due(now=NOW)

    assert {fate(row)[0] for row in rows} == {end}
    assert fate(rows[0]) == (
        end,
        f'Email provider: HTTP {status}: {{"ErrorCode": 10, "Message": "not to … code …"}}',
    )
    assert is_open("postmark") is paused
    if headers:
        assert (rows[0].next_attempt_at - NOW).total_seconds() >= 600


def test_an_api_that_is_away_or_hangs(put: Put, postmark: SmsGateway, settings: Settings) -> None:
    row = put("email")
    postmark.moods = ["hang"]
    assert deliver_due(now=NOW) == Counts(claimed=1, retried=1)
    assert fate(row) == (Status.PENDING, "Email provider: ReadTimeout")

    settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_API_URL": f"http://127.0.0.1:{free_port()}/"}
    row = put("email")
    deliver_due(now=NOW)
    assert fate(row) == (Status.PENDING, "Email provider: ConnectionError")


def test_an_answer_that_makes_no_sense_is_tried_again(put: Put, postmark: SmsGateway) -> None:
    postmark.moods = [(200, {}, "<html>")]
    row = put("email")
    deliver_due(now=NOW)
    assert fate(row)[0] == Status.PENDING


def test_an_address_that_the_provider_refuses_is_dead_at_once(put: Put, postmark: SmsGateway) -> None:
    said = (
        '{"To": "mari@example.com", "MessageID": "pm-1", "ErrorCode": 0, "Message": "Message OK, but '
        "will not deliver to these inactive addresses: mari@example.com. Inactive recipients are ones "
        'that have generated a hard bounce."}'
    )
    postmark.moods = [(200, {"Content-Type": "application/json"}, said)]
    row = put("email")
    deliver_due(now=NOW)
    assert fate(row) == (Status.DEAD, "Recipient refused by the provider")
    assert not is_open("postmark")


@pytest.mark.parametrize("to", ["mari@exa mple.com", "mari@", "<mari>@example.com"])
def test_an_invalid_address_is_dead_at_once(put: Put, backend: None, to: str) -> None:
    row, good = put("email", context={"to": to}), put("email")
    deliver_due(now=NOW)
    assert fate(row)[0] == Status.DEAD
    assert to not in fate(row)[1]
    assert fate(good)[0] == Status.SENT


def test_an_unsupported_feature_is_our_fault_and_retried(put: Put, backend: None, failing: Any) -> None:
    failing(AnymailUnsupportedFeature("no headers, please"))
    row = put("email")
    deliver_due(now=NOW)
    assert fate(row) == (Status.PENDING, "AnymailUnsupportedFeature while sending")
    assert not is_open("test")


def test_an_error_without_a_status_is_the_provider_s(put: Put, backend: None, failing: Any) -> None:
    failing(AnymailAPIError("boto said: mari@example.com"))
    row = put("email")
    deliver_due(now=NOW)
    assert fate(row) == (Status.PENDING, "Email provider: AnymailAPIError")


def test_nothing_of_ours_imports_it() -> None:
    """The portal runs without it."""
    code = (
        "import sys; sys.modules['anymail'] = None\n"
        "import django; django.setup()\n"
        "import lockerportal.urls\n"
        "from notifications.email.channel import EmailChannel\n"
        "assert EmailChannel.providers() == ('smtp',)\n"
        "assert not any(name.startswith('anymail.') for name in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=ENV)
    assert done.returncode == 0, done.stderr


ENV = {
    "DJANGO_SETTINGS_MODULE": "lockerportal.settings",
    "DEBUG": "true",
    "SECRET_KEY": base64.b64encode(bytes(range(48))).decode(),
    "PICKUP_CODE_SECRETS": "1:" + base64.b64encode(bytes(range(50, 98))).decode(),
    "DATABASE_URL": "postgres://x@127.0.0.1:1/x",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "EMAIL_URL": "smtp://127.0.0.1:25",
}


@pytest.mark.parametrize("secret", ["user:" + "p" * 24, ""])
def test_where_its_events_come_in(secret: str) -> None:
    """Only for the provider in use, and only with a secret."""
    code = (
        "import django; django.setup()\n"
        "from django.urls import Resolver404, resolve\n"
        "def there(path):\n"
        "    try:\n"
        "        return resolve(path).func.__module__\n"
        "    except Resolver404:\n"
        "        return ''\n"
        "print(*(bool(there(f'/receipts/anymail/{esp}/tracking/')) for esp in ('postmark', 'mailgun')))\n"
        "print(bool(there('/receipts/anymail/postmark/inbound/')), bool(there('/receipts/postmark/')))\n"
    )
    known = {"POSTMARK_SERVER_TOKEN": "x", **({"WEBHOOK_SECRET": secret} if secret else {})}
    environment = {
        **ENV,
        "EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend",
        "ANYMAIL": json.dumps(known),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stdout.splitlines() == [f"{bool(secret)} False", "False True"], done.stderr
