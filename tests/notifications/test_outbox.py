"""The outbox: adding messages."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from common.wakeup import nudge
from notifications import outbox
from notifications.models import Notification, Status

pytestmark = pytest.mark.django_db


def enqueue(number: int = 1) -> None:
    outbox.enqueue(
        kind="stored",
        channels=["email", "sms"],
        subject="thing:1",
        dedup_prefix=f"event:{number}",
        priority=1,
        context={"doors": 2},
    )


def test_one_row_for_each_channel_ready_to_go() -> None:
    enqueue()

    rows = Notification.objects.about("thing:1")
    assert [(row.channel, row.dedup_key) for row in rows] == [
        ("email", "event:1:email"),
        ("sms", "event:1:sms"),
    ]
    for row in rows:
        assert (row.kind, row.priority, row.context, row.status) == (
            "stored",
            1,
            {"doors": 2},
            Status.PENDING,
        )
        assert (row.attempts, row.sent_at, row.lease_token, row.reason) == (0, None, None, "")
        assert row.next_attempt_at == row.created_at


def test_a_repeated_cause_adds_one_message() -> None:
    enqueue()
    enqueue()
    enqueue(2)
    assert Notification.objects.count() == 4


def test_delivery_is_woken_when_the_transaction_commits(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        enqueue()
    assert callbacks == [nudge]


@pytest.mark.django_db(transaction=True)
def test_the_rows_are_rolled_back_with_the_callers_transaction() -> None:
    with transaction.atomic():
        enqueue()
        transaction.set_rollback(True)
    assert not Notification.objects.exists()


def test_the_hot_path_inserts_with_sql_and_gets_the_same_row() -> None:
    enqueue()
    sql = outbox.insert_select("SELECT 'stored', 'sms', 'thing:2', 'event:9:sms', 1, '', '{}'::jsonb")
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.fetchone() == ("sms",)

    ours, theirs = (
        Notification.objects.get(subject="thing:2"),
        Notification.objects.get(dedup_key="event:1:sms"),
    )
    same = (
        "kind",
        "channel",
        "priority",
        "status",
        "attempts",
        "lease_token",
        "leased_until",
        "reason",
        "queue",
    )
    assert [getattr(ours, name) for name in same] == [getattr(theirs, name) for name in same]
    assert ours.context == {}
    assert ours.next_attempt_at == ours.created_at
