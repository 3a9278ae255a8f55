"""What Celery does for messages: it wakes; the rows know what is to be done."""

from __future__ import annotations

from celery import shared_task

from common.wakeup import nudge, nudge_webhooks
from notifications.delivery import sms_limits
from notifications.delivery.people import deliver_due
from notifications.receipts import taking
from notifications.webhooks.delivery import deliver_webhooks as deliver_to_endpoints


@shared_task(name="notifications.tasks.deliver", ignore_result=True)
def deliver() -> int:
    """Send what is due; returns how many were sent. Safe at any time, and any number of times at once."""
    counts = deliver_due()
    if counts.unfinished:
        nudge()
    return counts.sent


@shared_task(name="notifications.tasks.deliver_webhooks", ignore_result=True)
def deliver_webhooks() -> int:
    """The same for webhooks, in a queue of its own."""
    counts = deliver_to_endpoints()
    if counts.unfinished:
        nudge_webhooks()
    return counts.sent


@shared_task(name="notifications.tasks.purge_tallies")
def purge_tallies() -> int:
    """What was spent on SMS long ago is forgotten."""
    return sms_limits.purge()


@shared_task(name="notifications.tasks.match_receipts")
def match_receipts() -> int:
    """Receipts that came too early find their messages, old ones are forgotten; how many messages moved."""
    taking.purge()
    return taking.look_again()
