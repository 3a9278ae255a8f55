"""Providers that accept a message and drop the connection for an answer: none is lost, few go out twice."""

from __future__ import annotations

import pytest

from tests.chaos import checks
from tests.chaos.clients import Client, History
from tests.chaos.conftest import Figures
from tests.chaos.stack import LONG, Stack, wait_until

pytestmark = pytest.mark.chaos

PACKAGES, CANCELLED = (1000, 100) if LONG else (80, 8)
DROP_EACH = 9


def test_accepted_and_dropped(stack: Stack, figures: Figures) -> None:
    """Mail server and SMS gateway take everything, and every ninth time they are gone before they say so."""
    history = History()
    stack.start("web")
    client = Client(stack, history)
    for _ in range(PACKAGES):
        client.bring()
    for story in history.stories[:CANCELLED]:
        client.cancel(story)
    stack.sinks.drop_each = DROP_EACH
    stack.start("worker", "beat")
    seconds = wait_until(lambda: stack.unsent() == 0, 120, "every message is sent")

    dropped = stack.sinks.dropped
    assert dropped >= 2 * (PACKAGES // DROP_EACH)
    copies = checks.messages(stack, duplicates=dropped)
    assert copies > 0  # it was felt
    assert checks.nothing_for_cancelled(stack) == 2 * CANCELLED
    sent = stack.value("SELECT count(*) FROM notifications_notification WHERE status = 'sent'")
    # Where nobody heard of a package, nobody hears that it is off.
    assert 2 * (PACKAGES - CANCELLED) <= sent <= len(stack.sinks.copies()) <= 2 * PACKAGES
    checks.packages(stack, history)
    checks.audit(stack)
    figures(f"{sent} messages, {dropped} drops, {copies} twice, {seconds:.1f} s to drain")
