"""Celery tasks of messages: they only trigger work, and the database rows say what is to be done."""

from __future__ import annotations

from celery import shared_task

from common.wakeup import nudge, nudge_webhooks
from notifications.delivery import sms_limits
from notifications.delivery.people import deliver_due
from notifications.receipts import matching
from notifications.webhooks.delivery import deliver_webhooks as deliver_to_endpoints


@shared_task(name="notifications.tasks.deliver", ignore_result=True)
def deliver() -> int:
    """Send what is due; return how many were sent. Safe at any time, also several times at once."""
    counts = deliver_due()
    if counts.unfinished:
        nudge()
    return counts.sent


@shared_task(name="notifications.tasks.deliver_webhooks", ignore_result=True)
def deliver_webhooks() -> int:
    """Send due webhooks, in a Celery queue of their own; return how many were sent."""
    counts = deliver_to_endpoints()
    if counts.unfinished:
        nudge_webhooks()
    return counts.sent


@shared_task(name="notifications.tasks.purge_tallies")
def purge_tallies() -> int:
    """Delete old counters of the SMS limits; return how many."""
    return sms_limits.purge()


@shared_task(name="notifications.tasks.match_receipts")
def match_receipts() -> int:
    """Match delivery receipts that came too early, and delete old ones; return how many messages changed."""
    matching.purge()
    return matching.match_waiting()
