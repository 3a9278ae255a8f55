"""One SMTP connection for many messages, and a deadline for each of them."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from smtplib import SMTPServerDisconnected

import pytest
from django.core.mail import EmailMessage, get_connection, send_mail
from pytest_django import Settings

from notifications.delivery import leases
from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.email import smtp
from notifications.email.smtp import EmailBackend
from notifications.models import Notification, Status
from tests.notifications.conftest import NOW, Put
from tests.notifications.providers import DrippingServer, SmtpServer, hang_up

SCRIPT = [
    (b"", b"220 here\r\n"),
    (b"ehlo", b"250 hello\r\n"),
    (b"mail", b"250 yes\r\n"),
    (b"rcpt", b"250 yes\r\n"),
    (b"data", b"354 go on\r\n"),
    (b".\r\n", b"250 taken\r\n"),
]
PREFACES = {b"": b"220-wait\r\n", b"data": b"354-wait\r\n"}


def mail(number: int = 1) -> EmailMessage:
    return EmailMessage(f"Number {number}", "Hello", to=[f"r{number}@example.com"])


@pytest.fixture
def backend(smtp: SmtpServer) -> Iterator[EmailBackend]:
    connection = get_connection()
    assert isinstance(connection, EmailBackend)
    yield connection
    connection.close()


@pytest.mark.django_db
@pytest.mark.parametrize("stage", [command for command, _ in SCRIPT])
def test_a_server_that_drips_is_cut(
    stage: bytes, put: Put, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte arrives in time, but all of them together would take half a minute."""
    monkeypatch.setattr(smtp, "SECONDS", 0.5)
    settings.EMAIL_BACKEND = "notifications.email.smtp.EmailBackend"
    settings.EMAIL_TIMEOUT = 10
    row = put("email")
    with DrippingServer(SCRIPT, stage, preface=PREFACES.get(stage, b"250-wait\r\n")) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        counts = deliver_due(now=NOW)
        assert server.cut.wait(10)
        assert server.connections == 1
    row.refresh_from_db()
    if stage == b".\r\n":  # the code 250 may be read, or be cut in its middle
        assert counts.sent + counts.retried == 1
    else:
        assert counts == Counts(claimed=1, retried=1)
        assert row.status == Status.PENDING


def test_a_tls_handshake_that_drips_is_cut(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "SECONDS", 0.5)
    with DrippingServer([(b"", b"")], b"", preface=b"\x16\x03\x03\x3f\xff" + b"\x02" * 2000) as server:
        connection = EmailBackend(host="127.0.0.1", port=server.port, use_ssl=True, timeout=10)
        with pytest.raises((TimeoutError, ssl.SSLError, ConnectionError)):
            connection.open()
        assert server.cut.wait(10)


def test_a_server_that_knows_no_tls_leaves_no_watchdog(smtp: SmtpServer) -> None:
    before = set(threading.enumerate())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        EmailBackend(host=smtp.hostname, port=smtp.port, use_ssl=True, timeout=10).open()
    watchdogs = [one for one in set(threading.enumerate()) - before if one.name == "watchdog"]
    for one in watchdogs:
        one.join(10)
    assert not any(one.is_alive() for one in watchdogs)


def test_the_end_comes_well_before_that_of_the_lease() -> None:
    """A first message is started only while at least this much of the lease is left."""
    assert smtp.SECONDS < leases.SEND_LIMIT < leases.LEASE.total_seconds() / 2 + 1


def test_all_addresses_of_a_host_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "addresses_of", lambda host: ["127.0.0.1"] * 10)
    asked = []

    def nobody_answers(address: tuple[str, int], patience: float) -> None:
        asked.append(address)
        time.sleep(patience)
        raise TimeoutError

    monkeypatch.setattr("socket.create_connection", nobody_answers)
    monkeypatch.setattr(smtp, "SECONDS", 0.3)
    with pytest.raises(TimeoutError):
        EmailBackend(host="mail.example.com", port=25, timeout=0.1).open()
    assert 1 < len(asked) < 5


@pytest.mark.django_db
def test_fifty_messages_go_over_one_connection(put: Put, smtp: SmtpServer) -> None:
    before = threading.active_count()
    for number in range(50):
        put("email", context={"to": f"r{number}@example.com"})

    assert deliver_due(now=NOW) == Counts(claimed=50, sent=50)

    assert len(smtp.handler.sessions) == 1
    assert sorted(envelope.rcpt_tos[0] for envelope in smtp.taken) == sorted(
        f"r{number}@example.com" for number in range(50)
    )
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(10)
    assert threading.active_count() <= before


@pytest.mark.django_db
@pytest.mark.parametrize("goodbye", ["421 at MAIL", "421 at RCPT", "close at MAIL"])
def test_a_connection_that_ends_in_mid_batch_is_opened_again(
    goodbye: str, put: Put, smtp: SmtpServer
) -> None:
    """Nothing is lost or duplicated, and no message loses an attempt."""
    smtp.handler.goodbye, smtp.handler.goodbye_after = goodbye, 4
    rows = [put("email", context={"to": f"r{number}@example.com"}) for number in range(10)]

    assert deliver_due(now=NOW) == Counts(claimed=10, sent=10)

    assert [envelope.rcpt_tos[0] for envelope in smtp.taken] == [
        f"r{number}@example.com" for number in range(10)
    ]
    assert len(smtp.handler.sessions) == 3
    assert set(Notification.objects.values_list("status", "attempts")) == {(Status.SENT, 1)}
    assert len(rows) == 10


@pytest.mark.django_db
def test_a_server_that_takes_a_message_and_drops_the_connection_gets_it_once_more_for_each_drop(
    put: Put, smtp: SmtpServer
) -> None:
    smtp.handler.drops = {f"r{number}@example.com" for number in (0, 4, 9)}
    for number in range(10):
        put("email", context={"to": f"r{number}@example.com"})

    assert deliver_due(now=NOW) == Counts(claimed=10, sent=7, retried=3)
    assert deliver_due(now=NOW + leases.LEASE) == Counts(claimed=3, sent=3)

    taken = sorted(envelope.rcpt_tos[0] for envelope in smtp.taken)
    assert len(taken) == 13, "one copy for each drop"
    assert set(taken) == {f"r{number}@example.com" for number in range(10)}
    numbers = [str(envelope.content).count("X-Notification-Id") for envelope in smtp.taken]
    assert numbers == [1] * 13


def test_a_kept_connection_that_ended_meanwhile_is_found_out(backend: EmailBackend, smtp: SmtpServer) -> None:
    backend.begin()
    backend.open()
    backend.send_messages([mail(1)])
    session = backend.connection
    assert session is not None
    alive = not session.has_ended
    assert alive
    smtp.loop.call_soon_threadsafe(hang_up, smtp.handler.servers[0])
    for _ in range(500):
        if session.has_ended:
            break
        time.sleep(0.01)
    backend.begin()
    assert backend.connection is None
    backend.open()
    backend.send_messages([mail(2)])
    assert len(smtp.handler.sessions) == 2
    assert len(smtp.taken) == 2


def test_a_new_connection_that_ends_at_once_is_not_opened_a_second_time(
    backend: EmailBackend, smtp: SmtpServer
) -> None:
    smtp.handler.goodbye, smtp.handler.goodbye_after = "close at MAIL", 0
    backend.begin()
    backend.open()
    with pytest.raises(SMTPServerDisconnected):
        backend.send_messages([mail()])
    assert len(smtp.handler.sessions) == 1


def test_a_message_that_may_have_been_taken_is_not_repeated(backend: EmailBackend, smtp: SmtpServer) -> None:
    smtp.handler.drops = {"r2@example.com"}
    backend.begin()
    backend.open()
    backend.send_messages([mail(1)])
    backend.begin()
    with pytest.raises(SMTPServerDisconnected):
        backend.send_messages([mail(2)])
    assert [envelope.rcpt_tos[0] for envelope in smtp.taken] == ["r1@example.com", "r2@example.com"]


def test_a_kept_connection_that_was_cut_is_not_opened_again_after_its_time(
    backend: EmailBackend, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.email.smtp.SECONDS", 0.2)
    backend.timeout = 10
    backend.begin()
    backend.open()
    backend.send_messages([mail(1)])
    smtp.handler.waits_at_mail = 5.0
    backend.begin()
    with pytest.raises(TimeoutError):
        backend.send_messages([mail(2)])
    assert len(smtp.handler.sessions) == 1


def test_it_sends_other_mail_too(smtp: SmtpServer) -> None:
    """Such as the email to reset a password: Django opens and closes the connection for it."""
    assert send_mail("Subject", "Text", None, ["staff@example.com"]) == 1
    assert [envelope.rcpt_tos for envelope in smtp.taken] == [["staff@example.com"]]
