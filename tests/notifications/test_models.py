"""What the database itself rejects, and what it finds by index."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from notifications.delivery import leases
from notifications.models import FAILED, Notification, Status
from notifications.sql import people
from tests.notifications.conftest import NOW, Put

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("notification_channel_known", {"channel": "pigeon"}),
        ("notification_status_known", {"status": "lost"}),
        ("notification_sent_has_time", {"status": Status.SENT}),
        ("notification_sent_has_time", {"sent_at": NOW}),
        ("notification_sending_has_lease", {"status": Status.SENDING}),
        ("notification_sending_has_lease", {"status": Status.SENDING, "lease_token": uuid.UUID(int=1)}),
        ("notification_sending_has_lease", {"lease_token": uuid.UUID(int=1), "leased_until": NOW}),
        ("notification_sent_has_time", {"status": Status.DELIVERED, "receipt_at": NOW}),
        ("notification_receipt_has_time", {"status": Status.DELIVERED, "sent_at": NOW}),
        ("notification_receipt_has_time", {"status": Status.BOUNCED, "sent_at": NOW, "reason": "failed"}),
        ("notification_receipt_has_time", {"receipt_at": NOW}),
        ("notification_end_has_reason", {"status": Status.BOUNCED, "sent_at": NOW, "receipt_at": NOW}),
        ("notification_end_has_reason", {"status": Status.DEAD}),
        ("notification_end_has_reason", {"status": Status.SUPPRESSED}),
        ("dedup_key", {"dedup_key": "taken"}),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(put: Put, name: str, fields: dict[str, object]) -> None:
    put(dedup_key="taken")
    row = put()
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Notification.objects.filter(pk=row.pk).update(**fields)


def test_only_the_dead_and_bounced_are_sent_again(put: Put) -> None:
    fields: dict[Status, dict[str, object]] = {
        Status.PENDING: {},
        Status.SENT: {"sent_at": NOW},
        Status.DELIVERED: {"sent_at": NOW, "receipt_at": NOW},
        Status.BOUNCED: {"sent_at": NOW, "receipt_at": NOW, "reason": "failed", "attempts": 1},
        Status.DEAD: {"reason": "no such number", "attempts": 40},
        Status.SUPPRESSED: {"reason": "collected"},
    }
    rows = {status: put(status=status, **more) for status, more in fields.items()}

    assert Notification.objects.send_again() == 2

    for status, row in rows.items():
        row.refresh_from_db()
        assert row.status == (Status.PENDING if status in FAILED else status)
    for revived in (rows[Status.DEAD], rows[Status.BOUNCED]):
        assert (revived.attempts, revived.reason, revived.receipt_at) == (0, "", None)
        assert revived.next_attempt_at < leases.Clock().now()


def test_the_claim_finds_its_rows_in_the_order_of_its_index(put: Put) -> None:
    put()
    parameters: dict[str, Any] = {
        "channel": "sms",
        "size": 50,
        "now": NOW,
        "token": uuid.uuid4(),
        "leased_until": NOW + leases.LEASE,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + people.CLAIM, parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using notification_due" in plan
    assert "Sort" not in plan
