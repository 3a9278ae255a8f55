"""Claims and leases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from notifications.delivery.leases import LEASE, SEND_LIMIT, Batch, Clock, claim
from notifications.models import Notification, Status
from tests.notifications.conftest import NOW, Put

pytestmark = pytest.mark.django_db


def test_no_other_worker_gets_a_claimed_row_until_its_lease_ends(put: Put) -> None:
    row = put()
    first = claim("sms", 10, Clock(NOW))
    row.refresh_from_db()
    assert (row.status, row.lease_token, row.leased_until) == (Status.SENDING, first.token, NOW + LEASE)
    assert (row.attempts, row.next_attempt_at) == (1, NOW)

    assert claim("sms", 10, Clock(NOW + LEASE - timedelta(seconds=1))).rows == []
    second = claim("sms", 10, Clock(NOW + LEASE))
    assert [taken.pk for taken in second.rows] == [row.pk]
    assert second.token != first.token


def test_each_result_needs_the_token(put: Put) -> None:
    rows = [put() for _ in range(4)]
    ours = claim("sms", 10, Clock(NOW))
    stranger = Batch(Clock(NOW))

    assert not stranger.sent(rows[0], "x")
    assert not stranger.retry(rows[1], "x", after=LEASE)
    assert not stranger.end(rows[2], Status.DEAD, "x")
    assert stranger.give_back(rows) == 0
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.SENDING}
    assert ours.sent(rows[0], "x")
    assert not ours.sent(rows[0], "x"), "what is written down is out of our hands"


def test_there_is_always_time_for_one_message_while_the_lease_is_long_enough(put: Put) -> None:
    batch = Batch(Clock(NOW))
    assert batch.may_send(first=False)
    batch.clock._started -= 3
    assert not batch.may_send(first=False)
    assert batch.may_send(first=True)
    batch.clock._started -= LEASE.total_seconds() - SEND_LIMIT
    assert not batch.may_send(first=True)


@pytest.mark.django_db(transaction=True)
def test_a_claim_does_not_wait_for_rows_that_somebody_else_is_claiming(put: Put) -> None:
    held, free = put(), put()
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Notification.objects.select_for_update().get(pk=held.pk)
            locked.set()
            release.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(20)
        assert [row.pk for row in claim("sms", 10, Clock(NOW)).rows] == [free.pk]
    finally:
        release.set()
        holder.join()


@pytest.mark.django_db(transaction=True)
def test_a_claim_inside_a_transaction_is_refused(put: Put) -> None:
    row = put()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        claim("sms", 10, Clock(NOW))
    row.refresh_from_db()
    assert row.status == Status.PENDING


def test_the_clock_goes_on_by_itself() -> None:
    clock = Clock()
    before = clock.now()
    clock._started -= 5
    assert clock.now() >= before + timedelta(seconds=5)
    assert Clock(NOW).now() == NOW
