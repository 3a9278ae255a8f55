"""What must be true when the dust has settled: client histories, database and providers agree."""

from __future__ import annotations

import json

from tests.chaos.clients import History
from tests.chaos.stack import Stack


def packages(stack: Stack, history: History) -> None:
    """Every acknowledged operation is in the database, no package is there twice, none is there half."""
    assert history.wrong == []
    found = {}
    for row in stack.rows("SELECT id::text, tracking_number, status FROM packages_app_package"):
        assert row["tracking_number"] not in found, f"twice: {row['tracking_number']}"
        found[row["tracking_number"]] = row
    sent = {story.tracking_number: story for story in history.stories}
    assert set(found) <= set(sent)
    for number, story in sent.items():
        if story.package_id is None:
            continue
        assert number in found, f"acknowledged and lost: {number}"
        assert found[number]["id"] == story.package_id
        if story.deposited:
            assert found[number]["status"] != "PENDING", f"acknowledged deposit is lost: {number}"
        if story.retrieved:
            assert found[number]["status"] == "RETRIEVED", f"acknowledged pickup is lost: {number}"


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
    return twice


def audit(stack: Stack) -> None:
    """The audit finds nothing."""
    report = json.loads(stack.manage("audit", "--json"))
    assert report["violations"] == 0
    assert report["invariants"]  # and it did look
