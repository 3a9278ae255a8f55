"""What must be true when the dust has settled: client histories, database and providers agree."""

from __future__ import annotations

import json

from notifications.delivery import leases
from tests.chaos.clients import History
from tests.chaos.stack import Stack

# Seconds for which a worker has a batch at the most, on a busy machine.
IN_HAND = leases.BATCH_SECONDS + 4


def packages(stack: Stack, history: History, *, alone: bool = True) -> None:
    """Every acknowledged operation is in the database, no package is there twice, none is there half.

    `alone`: there are no packages but those of `history`.
    """
    assert history.wrong == []
    found = {}
    for row in stack.rows("SELECT id::text, tracking_number, status FROM packages_app_package"):
        assert row["tracking_number"] not in found, f"twice: {row['tracking_number']}"
        found[row["tracking_number"]] = row
    sent = {story.tracking_number: story for story in history.stories}
    assert set(found) <= set(sent) or not alone
    for number, story in sent.items():
        if story.package_id is None:
            continue
        assert number in found, f"acknowledged and lost: {number}"
        assert found[number]["id"] == story.package_id
        if story.deposited:
            assert found[number]["status"] != "PENDING", f"acknowledged deposit is lost: {number}"
        if story.retrieved:
            assert found[number]["status"] == "RETRIEVED", f"acknowledged pickup is lost: {number}"
        if story.cancelled:
            assert found[number]["status"] == "CANCELLED", f"acknowledged end is lost: {number}"


def nothing_for_cancelled(stack: Stack) -> int:
    """No code goes out for a package that was called off; returns how many were held back.

    What a worker had in its hands at that moment may still be on its way.
    """
    ends = {
        row["id"]: (row["status"], row["ended"])
        for row in stack.rows(
            "SELECT message.id, message.status, extract(epoch FROM event.at)::float AS ended"
            " FROM packages_app_packageevent event JOIN notifications_notification message"
            " ON message.subject = 'package:' || event.package_id"
            " WHERE event.event = 'cancelled' AND message.kind = 'stored'"
        )
    }
    late = [
        message
        for message in stack.sinks.messages()
        if message["id"] in ends and message["at"] > ends[message["id"]][1] + IN_HAND
    ]
    assert late == [], f"{len(late)} codes of cancelled packages went out"
    return sum(status == "suppressed" for status, _ in ends.values())


def messages(stack: Stack, *, duplicates: int) -> int:
    """Every message that is due is with its provider, nothing else is; returns how many went out twice.

    What is due comes from the packages' histories, not from the outbox: the audit compares those two.
    """
    rows = stack.rows("SELECT id, kind, channel, status FROM notifications_notification")
    copies = stack.sinks.copies()
    assert {row["status"] for row in rows} <= {"sent", "delivered", "suppressed"}
    lost = [row for row in rows if row["status"] in ("sent", "delivered") and not copies[row["id"]]]
    assert lost == [], f"{len(lost)} messages are marked as sent and were never accepted"
    # A message that went out and whose reason was gone before that could be written down is "suppressed".
    phantom = set(copies) - {row["id"] for row in rows}
    assert phantom == set()
    twice = sum(copies.values()) - len(copies)
    assert twice <= duplicates, f"{twice} copies, {duplicates} allowed"
    nothing_for_cancelled(stack)
    return twice


def audit(stack: Stack) -> None:
    """The audit finds nothing."""
    report = json.loads(stack.manage("audit", "--json"))
    assert report["violations"] == 0
    assert report["invariants"]  # and it did look
