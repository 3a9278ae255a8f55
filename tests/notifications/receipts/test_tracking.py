"""Events of an email provider, through django-anymail's own view for Postmark."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from notifications.models import Notification, Receipt, Status
from notifications.receipts import tracking
from tests.notifications.receipts.conftest import Took

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/receipts/anymail/postmark/tracking/"
SECRET = "user:a-password-of-24-letters"
BOUNCE = {
    "RecordType": "Bounce",
    "ID": 42,
    "Type": "HardBounce",
    "MessageID": "pm-1",
    "Description": "The server was unable to deliver your message",
    "Details": "smtp;550 5.1.1 The email account mari@example.com does not exist.",
    "Email": "mari@example.com",
    "BouncedAt": "2026-11-20T12:00:00Z",
}
DELIVERY = {
    "RecordType": "Delivery",
    "MessageID": "pm-1",
    "Recipient": "mari@example.com",
    "DeliveredAt": "2026-11-20T12:00:00Z",
    "Details": "250 ok",
}


@pytest.fixture(autouse=True)
def anymail(settings: Settings) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "anymail"]
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}

    class Urls:
        urlpatterns = tracking.urlpatterns()

    settings.ROOT_URLCONF = Urls


def post(body: Any, *, secret: str = SECRET, kind: str = "application/json") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"} if secret else {}
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(PATH, content, content_type=kind, headers=head)


def fate(row: Notification) -> tuple[str, str]:
    row.refresh_from_db()
    return row.status, row.reason


def test_what_arrived_and_what_did_not(took: Took) -> None:
    row, another = took("pm-1", provider="postmark"), took("pm-1", provider="first")
    assert post(BOUNCE).status_code == 200
    reason = "bounced: bounced: smtp;….1.1 The email account … does not exist."
    assert fate(row) == (Status.BOUNCED, reason)
    assert post(DELIVERY).status_code == 200
    assert fate(row) == (Status.DELIVERED, "")
    assert post(BOUNCE).status_code == 200
    assert fate(row) == (Status.DELIVERED, "")
    assert fate(another)[0] == Status.SENT


def test_a_replay_changes_nothing(took: Took) -> None:
    took("pm-1", provider="postmark")
    for _ in range(20):
        assert post(BOUNCE).status_code == 200
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize(
    "event",
    [
        {**BOUNCE, "Type": "Transient"},
        {"RecordType": "Open", "MessageID": "pm-1", "ReceivedAt": "2026-11-20T12:00:00Z"},
        {"RecordType": "SpamComplaint", "MessageID": "pm-1"},
        {"RecordType": "SomethingNew", "MessageID": "pm-1"},
        {key: value for key, value in BOUNCE.items() if key != "MessageID"},
    ],
)
def test_everything_else_changes_nothing(took: Took, event: dict[str, Any]) -> None:
    row = took("pm-1", provider="postmark")
    assert post(event).status_code == 200
    assert fate(row)[0] == Status.SENT
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("secret", ["", "user:wrong", "wrong:a-password-of-24-letters", "ü:õ", "\0"])
def test_a_wrong_secret_is_rejected(took: Took, secret: str) -> None:
    row = took("pm-1", provider="postmark")
    assert post(BOUNCE, secret=secret).status_code == 400
    assert fate(row)[0] == Status.SENT


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'"x"', b"\xff", b'{"RecordType": []}', {"FromFull": {}}, b"[" * 60_000]
)
def test_invalid_events_are_rejected(body: Any) -> None:
    assert post(body).status_code == 400


def test_ids_that_cannot_be_are_of_no_message() -> None:
    for identity in ("\0", "\ud800", ["a"], {"a": 1}, 5, "m" * 5000):
        assert post({**BOUNCE, "MessageID": identity}).status_code == 200
    assert set(Receipt.objects.values_list("matched", flat=True)) == {False}


def test_bodies_may_be_larger_than_elsewhere_but_not_huge(took: Took, settings: Settings) -> None:
    row = took("pm-1", provider="postmark")
    assert post({**BOUNCE, "Content": "x" * 2 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE}).status_code == 200
    assert fate(row)[0] == Status.BOUNCED
    assert post({**DELIVERY, "more": "x" * tracking.LARGEST_BODY}).status_code == 413
    assert fate(row)[0] == Status.BOUNCED


def test_without_a_secret_there_is_no_address(settings: Settings) -> None:
    settings.ANYMAIL = {}
    assert tracking.urlpatterns() == []
