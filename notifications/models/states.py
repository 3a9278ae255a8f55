"""How a message travels, and where it is on its way."""

from __future__ import annotations

from django.db import models


class Status(models.TextChoices):
    """Where a message is on its way."""

    PENDING = "pending", "Pending"  # waits for `next_attempt_at`
    SENDING = "sending", "Sending"  # a worker holds it until `leased_until`, then it is anybody's again
    SENT = "sent", "Sent"  # the provider has taken it
    DELIVERED = "delivered", "Delivered"  # and says that it arrived
    BOUNCED = "bounced", "Bounced"  # or that it never will; staff can send it again
    DEAD = "dead", "Dead"  # given up, with a reason; staff can send it again
    SUPPRESSED = "suppressed", "Suppressed"  # its reason had gone before it was sent


# What is to be sent yet, or in somebody's hands.
OPEN = (Status.PENDING, Status.SENDING)
# What a provider has taken, whatever became of it then.
TAKEN = (Status.SENT, Status.DELIVERED, Status.BOUNCED)
# What has arrived, as far as anybody knows.
ARRIVED = (Status.SENT, Status.DELIVERED)
# What did not arrive, for a reason that staff can read.
FAILED = (Status.DEAD, Status.BOUNCED)
