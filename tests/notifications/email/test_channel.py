"""Email through a real SMTP server."""

from __future__ import annotations

import email
import email.policy
import io
from typing import cast

import pytest
import zxingcpp
from django.core import mail
from PIL import Image
from pytest_django import Settings

from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.models import ChannelState, Notification, Status
from tests.notifications.conftest import NOW, Put
from tests.notifications.providers import SmtpServer, free_port

pytestmark = pytest.mark.django_db


def fate(row: Notification) -> tuple[str, str]:
    row.refresh_from_db()
    return row.status, row.reason


def test_it_arrives_as_text_and_html_with_its_metadata(put: Put, smtp: SmtpServer) -> None:
    row = put("email")

    assert deliver_due(now=NOW) == Counts(claimed=1, sent=1)

    (envelope,) = smtp.taken
    arrived = email.message_from_bytes(cast(bytes, envelope.content), policy=email.policy.default)
    assert envelope.rcpt_tos == ["mari@example.com"]
    assert arrived["Subject"] == "Your parcel is ready at Tallinn Balti jaam"
    assert arrived["X-Notification-Id"] == str(row.pk)
    assert arrived["X-Notification-Kind"] == "stored"
    row.refresh_from_db()
    assert arrived["Message-ID"] == row.provider_id
    plain, html = arrived.get_body(("plain",)), arrived.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "4821 7730" in plain.get_content()
    assert "4821 7730" in html.get_content()


def test_the_qr_code_travels_within_and_no_header_holds_the_code(put: Put, smtp: SmtpServer) -> None:
    row = put("email")
    deliver_due(now=NOW)

    (envelope,) = smtp.taken
    arrived = email.message_from_bytes(cast(bytes, envelope.content), policy=email.policy.default)
    assert [part.get_content_type() for part in arrived.walk()] == [
        "multipart/related",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "image/png",
    ]
    picture = list(arrived.walk())[-1]
    assert picture.get_content_disposition() == "inline"
    assert picture.get_filename() is None
    html = arrived.get_body(("html",))
    assert html is not None
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html.get_content()
    (read,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.get_content())))
    assert read.text == "48217730"
    headers = [str(value) for part in arrived.walk() for value in part.values()]
    assert not any("48217730" in header.replace(" ", "") for header in headers)
    row.refresh_from_db()
    assert "4821" not in row.provider_id + row.reason


def test_no_two_parts_of_any_mail_have_the_same_boundary(put: Put, smtp: SmtpServer) -> None:
    for _ in range(2):
        put("email")
    deliver_due(now=NOW)

    boundaries = [
        part.get_boundary()
        for envelope in smtp.taken
        for part in email.message_from_bytes(cast(bytes, envelope.content)).walk()
        if part.is_multipart()
    ]
    assert len(boundaries) == len(set(boundaries)) == 4
    assert None not in boundaries


def test_without_a_code_there_is_no_picture(put: Put, smtp: SmtpServer) -> None:
    put("email", kind="retrieved", context={"without": ["code"]})
    deliver_due(now=NOW)

    (envelope,) = smtp.taken
    arrived = email.message_from_bytes(cast(bytes, envelope.content), policy=email.policy.default)
    assert [part.get_content_type() for part in arrived.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_a_batch_uses_one_connection(put: Put, smtp: SmtpServer) -> None:
    for _ in range(20):
        put("email")

    assert deliver_due(now=NOW).sent == 20
    assert len(smtp.taken) == 20
    assert len(smtp.handler.sessions) == 1


def test_a_second_try_has_the_same_message_id(put: Put) -> None:
    row = put("email")
    deliver_due(now=NOW)
    Notification.objects.filter(pk=row.pk).update(status=Status.PENDING, sent_at=None)
    deliver_due(now=NOW)

    first, second = (message.extra_headers["Message-ID"] for message in mail.outbox)
    assert first == second


@pytest.mark.parametrize(
    ("to", "status", "reason"),
    [
        ("unknown@example.com", Status.DEAD, "Recipient refused: 550: 5.1.1 <…>: no such user"),
        (
            "greylisted@example.com",
            Status.PENDING,
            "Recipient refused: 450: 4.2.0 <…>: greylisted, try again",
        ),
        ("spam@example.com", Status.DEAD, "Message refused: 554: 5.7.1 Looks like spam: …"),
        ("hang@example.com", Status.PENDING, "Mail server: SMTPServerDisconnected"),
        ("drop@example.com", Status.PENDING, "Mail server: SMTPServerDisconnected"),
        ("no address", Status.DEAD, None),
        ("mari@example.com\nBcc: eve@example.com", Status.DEAD, None),
    ],
)
def test_what_the_server_refuses(
    put: Put, smtp: SmtpServer, to: str, status: str, reason: str | None
) -> None:
    row = put("email", context={"to": to})
    good = put("email")

    deliver_due(now=NOW)

    assert fate(row)[0] == status
    if reason:
        assert fate(row)[1] == reason
    assert to not in fate(row)[1]
    assert fate(good)[0] == Status.SENT, "the next message of the batch must not suffer"
    assert [envelope.rcpt_tos for envelope in smtp.taken][-1] == ["mari@example.com"]


def test_greylisting_concerns_one_recipient_and_opens_no_breaker(put: Put, smtp: SmtpServer) -> None:
    for _ in range(9):
        put("email", context={"to": "greylisted@example.com"})

    assert deliver_due(now=NOW) == Counts(claimed=9, retried=9)
    assert not ChannelState.objects.filter(failures__gt=0).exists()


def test_a_server_that_is_busy_or_away_opens_the_breaker(
    put: Put, smtp: SmtpServer, settings: Settings
) -> None:
    smtp.handler.busy = True
    rows = [put("email") for _ in range(4)]
    assert deliver_due(now=NOW) == Counts(claimed=4, retried=4)
    assert fate(rows[0]) == (Status.PENDING, "Sender refused: 421: 4.3.2 Too busy, closing")

    settings.EMAIL_PORT = free_port()
    rows = [put("email") for _ in range(4)]
    assert deliver_due(now=NOW) == Counts(claimed=4, retried=1, given_back=3)
    assert fate(rows[0]) == (Status.PENDING, "Mail server: ConnectionRefusedError")
    assert ChannelState.objects.get(channel="email").opened_at == NOW
