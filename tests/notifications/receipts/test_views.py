"""Delivery receipts as providers post them: which are trusted, which are read, and which are rejected."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from notifications.models import Notification, Receipt, Status
from tests.notifications.conftest import Put
from tests.notifications.receipts.conftest import Took
from tests.notifications.receipts.posting import FIRST, OTHERS, SECOND, post

pytestmark = pytest.mark.django_db(transaction=True)
DELIVERED = {"message_id": "m-1", "status": "delivered"}
UNSIGNED = {"status": 401, "detail": "Not signed by a known provider"}


def fate(row: Notification) -> tuple[str, str]:
    row.refresh_from_db()
    return row.status, row.reason


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (DELIVERED, False),
        ({"type": "message.delivered", "data": {"id": "m-1", "status": "DELIVERED"}}, False),
        ({"messageId": "m-1", "status": "delivrd"}, False),
        ({"MessageSid": "m-1", "MessageStatus": "delivered", "To": "+3725550000"}, True),
        ({"id": "m-1", "status": "Delivered"}, True),
        ({"id": "event-1", "messageId": "m-1", "status": "delivered"}, False),
    ],
)
def test_it_moves_its_message(took: Took, body: dict[str, Any], form: bool) -> None:
    row, another = took("m-1"), took("m-2")
    answer = post(body, form=form)
    assert (answer.status_code, answer.content) == (204, b"")
    assert fate(row) == (Status.DELIVERED, "")
    assert row.receipt_at is not None
    assert fate(another) == (Status.SENT, "")


def test_a_bounce_has_its_reason_without_personal_data(took: Took) -> None:
    row = took("m-1")
    said = {"id": "m-1", "status": "undelivered", "error": "mari@example.com or +372 555 0000 unknown"}
    assert post(said, form=True).status_code == 204
    assert fate(row) == (Status.BOUNCED, "undelivered: … or … unknown")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("no such user\nafter three tries\x00", "failed: no such user after three tries?"),
        ("word " * 5000, ("failed: " + "word " * 100)[:200]),
        (30.5, "failed: 30.5"),
        (5, "failed: 5"),
        (False, "failed"),
        ({"code": 5}, "failed"),
        (["no such user"], "failed"),
    ],
)
def test_no_explanation_is_so_strange_that_the_bounce_is_lost(took: Took, error: object, reason: str) -> None:
    row = took("m-1")
    assert post({"id": "m-1", "status": "failed", "error": error}).status_code == 204
    assert fate(row) == (Status.BOUNCED, reason)


def test_what_was_delivered_needs_no_explanation(took: Took) -> None:
    row = took("m-1")
    assert post({"id": "m-1", "status": "delivered", "error": {"code": 0}}).status_code == 204
    assert fate(row) == (Status.DELIVERED, "")


def test_a_number_as_the_id_is_text(took: Took) -> None:
    row = took("4711")
    assert post({"id": 4711, "status": "delivered"}).status_code == 204
    assert fate(row)[0] == Status.DELIVERED


def test_our_own_reference_will_do(took: Took) -> None:
    row, other = took(), took("m-2")
    assert post({"reference": f"stored-{row.pk}", "status": "delivered"}).status_code == 204
    assert post({"id": "another-try", "reference": str(other.pk), "status": "failed"}).status_code == 204
    assert fate(row)[0] == Status.DELIVERED
    assert fate(other)[0] == Status.SENT, "it speaks of another try"


@pytest.mark.parametrize("name", ["msg", "store", "stored_"])
def test_a_foreign_reference_that_looks_like_ours_is_none(took: Took, name: str) -> None:
    row, other = took("m-1"), took("m-2")
    said = {"id": "m-1", "reference": f"{name}-{other.pk}", "status": "delivered"}
    assert post(said).status_code == 204
    assert (fate(row)[0], fate(other)[0]) == (Status.DELIVERED, Status.SENT)
    assert post({"reference": f"{name}-{other.pk}", "status": "delivered"}).status_code == 204
    assert fate(other)[0] == Status.SENT


@pytest.mark.parametrize("word", ["sent", "queued", "ACCEPTD", "soft-bounce", "deferred"])
def test_what_is_on_its_way_changes_nothing(took: Took, word: str) -> None:
    row = took("m-1")
    assert post({"id": "m-1", "status": word}).status_code == 204
    assert fate(row)[0] == Status.SENT
    assert not Receipt.objects.exists()


def test_both_secrets_are_good_while_they_change(took: Took) -> None:
    row = took("m-1")
    assert post(DELIVERED, key=SECOND).status_code == 204
    assert fate(row)[0] == Status.DELIVERED


def test_one_of_several_signatures_is_enough(took: Took) -> None:
    row = took("m-1")
    good = post(DELIVERED, event="e-1").wsgi_request.headers["webhook-signature"]
    Receipt.objects.all().delete()
    Notification.objects.update(status=Status.SENT, receipt_at=None)
    both = {"webhook-signature": f"v1,{'A' * 43}= {good} v1a,xyz"}
    assert post(DELIVERED, event="e-1", headers=both).status_code == 204
    assert fate(row)[0] == Status.DELIVERED


@pytest.mark.parametrize(
    "how",
    [
        {"provider": "unknown"},
        {"provider": "F" * 300},
        {"provider": "first%0Aforged line"},
        {"key": OTHERS},
        {"provider": "other"},
        {"signed": b'{"message_id": "m-2", "status": "delivered"}'},
        {"age": timedelta(minutes=5, seconds=5)},
        {"age": timedelta(minutes=-5, seconds=-5)},
        {"headers": {"webhook-signature": ""}},
        {"headers": {"webhook-signature": "v1"}},
        {"headers": {"webhook-signature": "v1,õ"}},
        {"headers": {"webhook-signature": "v1, " * 5000}},
        {"headers": {"webhook-timestamp": ""}},
        {"headers": {"webhook-timestamp": "-1"}},
        {"headers": {"webhook-timestamp": "1e9"}},
        {"headers": {"webhook-timestamp": "²"}},
        {"headers": {"webhook-timestamp": "9" * 5000}},
        {"headers": {"webhook-id": ""}},
        {"headers": {"webhook-id": "e" * 256}},
        {"headers": {"webhook-id": "another"}},
    ],
)
def test_untrusted_receipts_get_the_same_answer(
    took: Took, how: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    row = took("m-1")
    with caplog.at_level(logging.DEBUG):
        answer = post(DELIVERED, **how)
    assert (answer.status_code, answer.json()) == (401, UNSIGNED)
    (line,) = [record.getMessage() for record in caplog.records if "rejected" in record.getMessage()]
    assert line.isprintable()
    assert len(line) < 100
    assert answer.content == post(DELIVERED, provider="unknown").content
    assert fate(row)[0] == Status.SENT
    assert not Receipt.objects.exists()


def test_without_a_secret_no_receipt_is_trusted(took: Took, settings: Settings) -> None:
    settings.RECEIPT_SECRETS = {}
    row = took("m-1")
    for key in (bytes(32), FIRST):
        assert post(DELIVERED, key=key).status_code == 401
    assert fate(row)[0] == Status.SENT


@pytest.mark.parametrize("age", [timedelta(minutes=4, seconds=50), timedelta(minutes=-4, seconds=-50)])
def test_clocks_may_differ_by_five_minutes(took: Took, age: timedelta) -> None:
    took("m-1")
    assert post(DELIVERED, age=age).status_code == 204


@pytest.mark.parametrize(
    ("body", "form", "words"),
    [
        (b"", False, "not valid JSON"),
        (b"{", False, "not valid JSON"),
        (b"[" * 30_000, False, "not valid JSON"),
        (b"[]", False, "not a JSON object"),
        (b'"delivered"', False, "not a JSON object"),
        (b'{"id": ' + b"1" * 5000 + b', "status": "delivered"}', False, "not valid JSON"),
        ({"id": "m-1"}, False, "The status is missing"),
        ({"id": "m-1", "status": ""}, False, "The status is missing"),
        ({"id": "m-1", "status": None}, False, "The status is missing"),
        ({"status": "delivered"}, False, "message id is missing"),
        ({"status": "delivered", "reference": "not ours"}, False, "not one of ours"),
        ({"id": "m-1", "status": "pigeonholed"}, False, "not listed"),
        ({"id": "m-1", "status": 3}, False, "not listed"),
        ({"id": "m-1", "status": True}, False, "neither text nor a whole number"),
        ({"id": "m-1", "status": ["delivered"]}, False, "neither text nor a whole number"),
        ({"id": {"a": 1}, "status": "delivered"}, False, "neither text nor a whole number"),
        ({"id": 1.5, "status": "delivered"}, False, "neither text nor a whole number"),
        ({"id": "m-1\0", "status": "delivered"}, False, "unprintable"),
        ({"id": "\ud800", "status": "delivered"}, False, "unprintable"),
        ({"id": "m" * 201, "status": "delivered"}, False, "is too long"),
        (b"", True, "The status is missing"),
        (b"status=delivered&id=%FF", True, "not a valid form"),
        (b"status=delivered&id=m-1&status=failed", True, "twice"),
        (b"status=delivered&id=m-1%00", True, "unprintable"),
        (b"&".join(b"a%d=1" % number for number in range(101)), True, "not a valid form"),
    ],
)
def test_a_body_that_is_no_receipt_is_rejected(took: Took, body: Any, form: bool, words: str) -> None:
    row = took("m-1")
    answer = post(body, form=form)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert "m-1" not in answer.content.decode()
    assert fate(row)[0] == Status.SENT
    assert not Receipt.objects.exists()


def test_other_kinds_of_content_are_rejected() -> None:
    answer = post(DELIVERED, headers={"Content-Type": "text/xml"})
    assert answer.status_code == 400
    assert "Content-Type" in answer.json()["detail"]


def test_a_huge_body_is_rejected_before_it_is_read() -> None:
    answer = post(json.dumps({**DELIVERED, "more": "x" * 65_536}).encode())
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


def test_a_body_of_unknown_length_is_rejected() -> None:
    answer = Client().generic(
        "POST", "/receipts/first/", b"", headers={"Transfer-Encoding": "chunked"}, CONTENT_LENGTH=""
    )
    assert answer.status_code == 411


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_only_post_is_answered(method: str) -> None:
    assert getattr(Client(), method)("/receipts/first/").status_code == 405


def test_forms_of_pages_elsewhere_change_nothing_and_need_no_token(took: Took) -> None:
    """No CSRF token is needed, because the signature counts, which no browser has."""
    row = took("m-1")
    answer = Client(enforce_csrf_checks=True).post("/receipts/first/", DELIVERED)
    assert answer.status_code == 401
    assert fate(row)[0] == Status.SENT


def test_what_is_not_known_is_taken_and_logged_without_ids(
    put: Put, took: Took, caplog: pytest.LogCaptureFixture
) -> None:
    """Unknown, of another provider, of a webhook, or still on its way: all are treated alike."""
    took("others", provider="other")
    took("HTTP 204", provider="", channel="webhook")
    put(provider_id="dead-1", status=Status.DEAD, reason="no such number", provider="first")
    before = list(Notification.objects.order_by("pk").values())
    with caplog.at_level(logging.DEBUG):
        for provider_id in ("nobody@example.com", "others", "HTTP 204", "dead-1"):
            assert post({"id": provider_id, "status": "failed"}).status_code == 204
            assert provider_id not in caplog.text
    assert "A receipt of first matches no message that it accepted" in caplog.text
    assert list(Notification.objects.order_by("pk").values()) == before


def test_of_messages_with_one_id_none_is_moved(took: Took) -> None:
    """An id that a gateway gives to every message identifies none."""
    rows = [took("OK"), took("OK")]
    assert post({"id": "OK", "status": "failed"}).status_code == 204
    assert [fate(row)[0] for row in rows] == [Status.SENT, Status.SENT]
    assert post({"id": "OK", "reference": f"stored-{rows[1].pk}", "status": "failed"}).status_code == 204
    assert [fate(row)[0] for row in rows] == [Status.SENT, Status.BOUNCED]


@pytest.mark.parametrize("name", ["id", "reference"])
def test_a_hundred_replays_have_one_effect(took: Took, name: str) -> None:
    """Also if staff have sent it again meanwhile and the provider gave it the same id."""
    row = took("m-1")
    bounce = {name: "m-1" if name == "id" else str(row.pk), "status": "failed"}
    for _ in range(100):
        assert post(bounce, event="e-1").status_code == 204
    assert fate(row)[0] == Status.BOUNCED
    first = row.receipt_at
    assert Receipt.objects.count() == 1
    row.refresh_from_db()
    assert row.receipt_at == first

    Notification.objects.send_again()
    again = Notification.objects.filter(pk=row.pk)
    again.update(status=Status.SENT, sent_at=first, provider="first", provider_id="m-1")
    assert post(bounce, event="e-1").status_code == 204
    assert fate(row)[0] == Status.SENT
    assert post(bounce, event="e-2").status_code == 204
    assert fate(row)[0] == Status.BOUNCED


def test_events_of_two_providers_may_have_one_id(took: Took) -> None:
    rows = took("m-1"), took("m-1", provider="other")
    assert post(DELIVERED, event="e-1").status_code == 204
    assert post(DELIVERED, event="e-1", provider="other", key=OTHERS).status_code == 204
    assert [fate(row)[0] for row in rows] == [Status.DELIVERED, Status.DELIVERED]
