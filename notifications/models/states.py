"""The statuses of a message."""

from __future__ import annotations

from django.db import models


class Status(models.TextChoices):
    """The status of a message."""

    PENDING = "pending", "Pending"  # waits for `next_attempt_at`
    SENDING = "sending", "Sending"  # leased to a worker until `leased_until`, then any worker may claim it
    SENT = "sent", "Sent"  # the provider has accepted it
    DELIVERED = "delivered", "Delivered"  # the provider reported that it arrived
    BOUNCED = "bounced", "Bounced"  # the provider reported that it never will; staff can send it again
    DEAD = "dead", "Dead"  # given up, with a reason; staff can send it again
    SUPPRESSED = "suppressed", "Suppressed"  # there was no reason left to send it


# Still to be sent, or being sent.
OPEN = (Status.PENDING, Status.SENDING)
# Accepted by a provider, whatever happened afterwards.
TAKEN = (Status.SENT, Status.DELIVERED, Status.BOUNCED)
# Arrived, as far as anybody knows.
ARRIVED = (Status.SENT, Status.DELIVERED)
# Not arrived, for a reason that staff can read.
FAILED = (Status.DEAD, Status.BOUNCED)
