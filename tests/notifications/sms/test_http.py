"""SMS through a real HTTP gateway."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pytest_django import Settings

from notifications import sms
from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.errors import DeliveryError
from notifications.models import ChannelState, Status
from tests.notifications.conftest import NOW, Put
from tests.notifications.providers import DrippingServer, SmsGateway, free_port


def send(text: str, reference: str = "") -> str:
    with contextlib.closing(sms.get_backend()) as backend:
        return backend.send("+3725550000", text, reference=reference)


def refusal() -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send("Hello")
    return caught.value


def test_it_posts_a_form_with_the_token_and_returns_the_id(gateway: SmsGateway) -> None:
    assert send("Kood 4821 7730 õ", reference="stored-7") == "sms-1"

    assert gateway.taken == [
        {"to": "+3725550000", "from": "Lockers", "text": "Kood 4821 7730 õ", "reference": "stored-7"}
    ]
    path, headers = gateway.requests[0]
    assert path == "/send?v=1"
    assert headers["Authorization"] == "Bearer token-of-the-gateway"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_the_second_provider_has_an_address_a_token_and_a_sender_of_its_own(
    gateway: SmsGateway, second_gateway: SmsGateway
) -> None:
    with contextlib.closing(sms.get_backend("second")) as backend:
        assert backend.send("+3725550000", "Hello") == "sms-1"
    assert gateway.taken == []
    assert second_gateway.taken == [{"to": "+3725550000", "from": "Parcels", "text": "Hello"}]
    path, headers = second_gateway.requests[0]
    assert (path, headers["Authorization"]) == ("/other", "Bearer token-of-the-other")
    with pytest.raises(LookupError, match="no SMS provider is called third"):
        sms.get_backend("third")


@pytest.mark.parametrize(
    ("answer", "message_id"),
    [
        ('{"message_id": 17}', "17"),
        ('{"sid": "SM1"}', "SM1"),
        ('{"id": "answer-1", "messageId": "m-1"}', "m-1"),
        ('{"status": "queued"}', ""),
        ("[1]", ""),
        ("OK", ""),
        ("", ""),
        ("[" * 60_000, ""),
    ],
)
def test_the_id_is_found_where_gateways_put_it(gateway: SmsGateway, answer: str, message_id: str) -> None:
    gateway.moods = [(202, {}, answer)]
    assert send("Hello") == message_id


@pytest.mark.parametrize("status", [400, 406, 410, 413, 422, 451])
def test_a_refusal_of_the_message_is_permanent(gateway: SmsGateway, status: int) -> None:
    gateway.moods = [(status, {}, "no")]
    error = refusal()
    assert error.permanent
    assert not error.channel_failed


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 408, 425, 429, 500, 502, 503])
def test_a_gateway_that_is_busy_broken_or_refuses_us_may_recover(gateway: SmsGateway, status: int) -> None:
    gateway.moods = [(status, {"Location": "/elsewhere"}, "no")]
    error = refusal()
    assert not error.permanent
    assert error.channel_failed
    assert len(gateway.taken) == 1, "a redirect must not be followed"


@pytest.mark.parametrize("mood", ["hang", "drop"])
def test_a_gateway_that_hangs_or_drops_the_connection_may_recover(gateway: SmsGateway, mood: str) -> None:
    gateway.moods = [mood]
    backend = sms.get_backend()
    with pytest.raises(DeliveryError) as caught:
        backend.send("+3725550000", "Hello")
    assert not caught.value.permanent
    assert backend.send("+3725550000", "Hello again") == "sms-1"
    backend.close()


def test_a_gateway_that_drips_its_head_is_cut(settings: Settings, gateway: SmsGateway) -> None:
    """Each byte arrives in time, but all of them together would take half a minute."""
    settings.SMS_TIMEOUT = 0.5
    answer = b"Content-Length: 2\r\n\r\nOK"
    preface = b"HTTP/1.1 100 Continue\r\n\r\n"
    with DrippingServer([(b"POST", b"HTTP/1.1 200 OK\r\n" + answer)], b"POST", preface) as server:
        settings.SMS_GATEWAY_URL = f"http://127.0.0.1:{server.port}/"
        error = refusal()
        assert server.cut.wait(10)
    assert not error.permanent


@pytest.mark.parametrize("kept", [b"keep-alive", b"close"])
def test_a_gateway_that_drips_its_body_has_taken_the_message(
    settings: Settings, gateway: SmsGateway, kept: bytes
) -> None:
    """Its status says so: a second try would be a second SMS."""
    settings.SMS_TIMEOUT = 0.5
    head = b"HTTP/1.1 200 OK\r\nConnection: " + kept + b"\r\nContent-Length: 1500\r\n\r\n"
    with DrippingServer([(b"POST", head), (b"to=", b"")], b"to=", b"x") as server:
        settings.SMS_GATEWAY_URL = f"http://127.0.0.1:{server.port}/"
        with contextlib.closing(sms.get_backend()) as backend:
            assert backend.send("+3725550000", "Hello") == ""
        assert server.cut.wait(10)


def test_a_kept_connection_that_the_gateway_closed_is_opened_again(
    settings: Settings, gateway: SmsGateway
) -> None:
    with contextlib.closing(sms.get_backend()) as backend:
        backend.send("+3725550000", "Hello")
        gateway.moods = ["drop"]
        with pytest.raises(DeliveryError):
            backend.send("+3725550000", "Hello")
        assert backend.send("+3725550000", "Hello") == "sms-1"
        gateway.hang_up()
        assert backend.send("+3725550000", "Hello") == "sms-1"
    assert gateway.connections == 3


def test_it_leaves_no_thread_behind(gateway: SmsGateway) -> None:
    gateway.moods = [(200, {"Connection": "close"}, "OK"), (500, {}, "no"), "drop", (200, {}, "OK")]
    send("Hello")
    for _ in range(2):
        refusal()
    send("Hello")
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(10)
            assert not thread.is_alive()


def test_no_gateway_is_listening(gateway: SmsGateway, settings: Settings) -> None:
    settings.SMS_GATEWAY_URL = f"http://127.0.0.1:{free_port()}/"
    assert str(refusal()) == "SMS gateway: ConnectionRefusedError"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("soon", None),
        ("-5", None),
        (format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True), 0.0),
    ],
)
def test_retry_after_is_read(gateway: SmsGateway, header: str, seconds: float | None) -> None:
    gateway.moods = [(429, {"Retry-After": header}, "")]
    assert refusal().retry_after == seconds


def test_retry_after_as_a_date(gateway: SmsGateway) -> None:
    later = datetime.now(UTC) + timedelta(minutes=10)
    gateway.moods = [(503, {"Retry-After": format_datetime(later, usegmt=True)}, "")]
    retry_after = refusal().retry_after
    assert retry_after is not None
    assert 500 < retry_after <= 600


@pytest.mark.django_db
def test_a_batch_uses_one_connection_also_after_refusals(put: Put, gateway: SmsGateway) -> None:
    for _ in range(20):
        put("sms")
    gateway.moods = [(429, {"Retry-After": "120"}, "slow down"), (400, {}, "bad number +372 555 0000")]

    assert deliver_due(now=NOW) == Counts(claimed=20, sent=18, retried=1, dead=1)
    assert gateway.connections == 1
    assert deliver_due(now=NOW + timedelta(seconds=119)) == Counts()
    assert deliver_due(now=NOW + timedelta(seconds=120)) == Counts(claimed=1, sent=1)


@pytest.mark.django_db
def test_the_row_keeps_the_id_or_the_reason_but_no_number(put: Put, gateway: SmsGateway) -> None:
    sent, dead = put("sms"), put("sms")
    gateway.moods = [(200, {}, '{"id": "abc"}'), (400, {}, '{"error": "bad number +3725550000"}')]

    deliver_due(now=NOW)

    sent.refresh_from_db()
    dead.refresh_from_db()
    assert (sent.status, sent.provider_id) == (Status.SENT, "abc")
    assert (dead.status, dead.reason) == (Status.DEAD, 'SMS gateway: HTTP 400: {"error": "bad number …"}')


@pytest.mark.django_db
def test_bytes_that_the_database_refuses_send_nothing_twice(put: Put, gateway: SmsGateway) -> None:
    sent, dead = put("sms"), put("sms")
    gateway.moods = [(200, {}, '{"id": "a\\u0000b\\ud800"}'), (400, {}, "\x1f\x00")]

    assert deliver_due(now=NOW) == Counts(claimed=2, sent=1, dead=1)

    sent.refresh_from_db()
    dead.refresh_from_db()
    assert sent.provider_id == "a?b?"
    assert dead.reason == "SMS gateway: HTTP 400: ?"


@pytest.mark.django_db
def test_a_wrong_token_pauses_the_channel_and_kills_nothing(put: Put, gateway: SmsGateway) -> None:
    for _ in range(20):
        put("sms")
    refused: list[Any] = [(401, {}, "who are you")]
    gateway.moods = refused * 20

    assert deliver_due(now=NOW) == Counts(claimed=20, retried=5, given_back=15)
    assert ChannelState.objects.get(channel="sms").opened_at == NOW
