"""Delivery receipts matched with messages: never backwards, in any order, early or at the same time."""

from __future__ import annotations

import itertools
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.utils import IntegrityError

from notifications import tasks
from notifications.delivery import leases
from notifications.delivery.provider_terms import MEANING
from notifications.models import Notification, Receipt, Status
from notifications.receipts import matching
from notifications.receipts.parsing import key
from tests.notifications.conftest import NOW, Put
from tests.notifications.receipts.conftest import Took
from tests.notifications.receipts.posting import post
from tests.races.together import together

pytestmark = pytest.mark.django_db(transaction=True)
SAID = (Status.DELIVERED, Status.BOUNCED, Status.BOUNCED)
_EVENTS = itertools.count(1)


def receipt(outcome: Status, provider_id: str = "m-1", event: str = "", **fields: Any) -> Receipt:
    reason = "failed" if outcome == Status.BOUNCED else ""
    name = key("first", event or f"t-{next(_EVENTS)}")
    values = {"provider": "first", "provider_id": provider_id, "reason": reason, **fields}
    return Receipt(key=name, outcome=outcome, **values)


def status(row: Notification) -> str:
    row.refresh_from_db()
    return row.status


@pytest.mark.parametrize("order", list(itertools.permutations(SAID)))
def test_in_any_order_the_end_is_the_same(took: Took, order: tuple[Status, ...]) -> None:
    row = took("m-1")
    for one in order:
        matching.accept(receipt(one))
    assert status(row) == Status.DELIVERED
    assert row.reason == ""


def test_nothing_goes_backwards(took: Took) -> None:
    row = took("m-1")
    assert matching.accept(receipt(Status.DELIVERED))
    before = Notification.objects.values().get()
    for outcome in (Status.BOUNCED, Status.DELIVERED):
        assert not matching.accept(receipt(outcome))
    assert post({"id": "m-1", "status": "sent"}).status_code == 204
    assert Notification.objects.values().get() == before
    assert status(row) == Status.DELIVERED


def test_a_receipt_is_never_before_its_message(took: Took) -> None:
    later = leases.Clock().now() + timedelta(hours=1)
    row = took("m-1", sent_at=later)
    matching.accept(receipt(Status.DELIVERED))
    assert status(row) == Status.DELIVERED
    assert row.receipt_at == later


def test_one_that_comes_before_it_is_written_down_finds_its_message(put: Put) -> None:
    row = put()
    batch = leases.claim("sms", 1, leases.Clock(NOW))
    assert not matching.accept(receipt(Status.DELIVERED, event="early"))
    assert tasks.match_receipts() == 0
    batch.sent(batch.rows[0], "m-1", provider="first")

    assert tasks.match_receipts() == 1

    assert status(row) == Status.DELIVERED
    assert row.receipt_at is not None
    assert tasks.match_receipts() == 0
    assert not matching.accept(receipt(Status.BOUNCED, event="early"))
    said = Receipt.objects.get()
    assert (said.provider_id, said.reason) == ("", ""), "what it says is in the message now"


def test_by_our_reference_it_finds_it_too(put: Put) -> None:
    row = put()
    matching.accept(receipt(Status.BOUNCED, provider_id="", number=row.pk))
    Notification.objects.update(status=Status.SENT, sent_at=NOW, provider="first")
    assert tasks.match_receipts() == 1
    assert status(row) == Status.BOUNCED


def test_where_two_messages_have_its_id_it_is_looked_at_once(took: Took) -> None:
    matching.accept(receipt(Status.BOUNCED, "OK"))
    rows = [took("OK"), took("OK")]
    assert matching.match_waiting() == 0
    assert Receipt.objects.get().matched, "or every minute for a quarter of an hour"
    assert [status(row) for row in rows] == [Status.SENT, Status.SENT]


def test_what_stays_unknown_is_left_alone_and_forgotten(took: Took) -> None:
    now = leases.Clock().now()
    matching.accept(receipt(Status.DELIVERED))
    took("m-1")
    assert matching.match_waiting(now=now + matching.LOOK_AGAIN_FOR + timedelta(minutes=1)) == 0
    assert matching.purge(now=now + matching.KEEP - timedelta(minutes=1)) == 0
    assert matching.purge(now=now + matching.KEEP + timedelta(minutes=1)) == 1
    assert not Receipt.objects.exists()


def test_many_are_forgotten_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "BATCH", 3)
    for number in range(7):
        matching.accept(receipt(Status.DELIVERED, provider_id=f"x-{number}"))
    Receipt.objects.update(received_at=NOW - timedelta(days=400))
    matching.accept(receipt(Status.DELIVERED, provider_id="fresh"))
    assert matching.purge() == 7
    assert Receipt.objects.get().provider_id == "fresh"


def test_where_writing_fails_nothing_has_happened_and_it_may_come_again(
    took: Took, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = took("m-1")

    def fail(*arguments: object) -> bool:
        raise IntegrityError

    with monkeypatch.context() as patch:
        patch.setattr(matching, "_move", fail)
        with pytest.raises(IntegrityError):
            matching.accept(receipt(Status.DELIVERED, event="again"))
    assert not Receipt.objects.exists()
    assert matching.accept(receipt(Status.DELIVERED, event="again"))
    assert status(row) == Status.DELIVERED


def test_the_same_one_eight_times_at_once_counts_once(took: Took) -> None:
    for number in range(5):
        row = took(f"m-{number}")
        same = [receipt(Status.BOUNCED, f"m-{number}", event=f"same-{number}") for _ in range(8)]
        results = together(*(partial(matching.accept, one) for one in same))
        assert sorted(map(str, results)) == ["False"] * 7 + ["True"]
        assert status(row) == Status.BOUNCED


def test_of_two_at_once_delivered_wins(took: Took) -> None:
    for number in range(10):
        row = took(f"m-{number}")
        both = (receipt(outcome, f"m-{number}") for outcome in (Status.BOUNCED, Status.DELIVERED))
        results = together(*(partial(matching.accept, one) for one in both))
        assert results in ([True, True], [False, True])
        assert status(row) == Status.DELIVERED


def test_two_jobs_at_once_move_it_once(took: Took) -> None:
    matching.accept(receipt(Status.BOUNCED))
    row = took("m-1")
    moved = together(matching.match_waiting, matching.match_waiting)
    assert sorted(map(str, moved)) == ["0", "1"]
    assert status(row) == Status.BOUNCED


def test_the_lookup_uses_its_index(took: Took) -> None:
    """The lookup uses the partial index, however many messages there are."""
    took("m-1")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        found = Notification.objects.filter(provider="first", provider_id="m-1")
        plan = found.filter(provider__gt="", provider_id__gt="").explain()
    assert "notification_provider_id" in plan


def test_the_listed_words_are_what_they_are_looked_up_as() -> None:
    assert all(word == word.lower().replace("-", "_") for word in MEANING)
    assert set(MEANING.values()) == {Status.DELIVERED, Status.BOUNCED, None}


def test_what_bounced_goes_by_the_other_channel_once(took: Took) -> None:
    row = took("m-1", dedup_key="event:7:sms")
    for event in ("a", "a", "b"):
        matching.accept(receipt(Status.BOUNCED, event=event))
    instead = Notification.objects.exclude(pk=row.pk).get()
    assert (instead.dedup_key, instead.channel, instead.status) == (
        "instead:event:7:email",
        "email",
        "pending",
    )
    assert instead.context == {"instead_of": row.pk}


def test_what_arrived_goes_nowhere_else(took: Took) -> None:
    took("m-1", dedup_key="event:7:sms")
    matching.accept(receipt(Status.DELIVERED))
    matching.accept(receipt(Status.BOUNCED))
    assert Notification.objects.count() == 1


def test_where_the_other_channel_cannot_be_asked_the_bounce_comes_again(
    took: Took, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = took("m-1")

    def fail(message: Notification) -> bool:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(matching, "fall_back", fail)
        assert post({"id": "m-1", "status": "failed"}, event="e-1").status_code == 500
    assert status(row) == Status.SENT
    assert not Receipt.objects.exists()
    assert post({"id": "m-1", "status": "failed"}, event="e-1").status_code == 204
    assert status(row) == Status.BOUNCED


def test_where_both_channels_bounce_at_once_nothing_more_is_sent(took: Took) -> None:
    for number in range(10):
        rows = [
            took(f"m-{number}-{way}", channel=way, dedup_key=f"event:b{number}:{way}")
            for way in ("sms", "email")
        ]
        both = (receipt(Status.BOUNCED, row.provider_id) for row in rows)
        assert together(*(partial(matching.accept, one) for one in both)) == [True, True]
        assert [status(row) for row in rows] == [Status.BOUNCED, Status.BOUNCED]
    assert Notification.objects.count() == 20
