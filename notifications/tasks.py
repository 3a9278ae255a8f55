"""What Celery does for messages: it wakes; the rows know what is to be done."""

from __future__ import annotations

from celery import shared_task

from notifications.delivery import deliver_due
from notifications.nudge import nudge


# A wake-up call that nobody took for half a minute is worth nothing: the sweep has been there since.
@shared_task(name="notifications.tasks.deliver", ignore_result=True, expires=30)
def deliver() -> None:
    """Send what is due. Safe at any time, and any number of times at once."""
    if deliver_due().unfinished:
        nudge()
