"""The outbox: one row is one message on one channel, and its only retry clock."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Now


class Channel(models.TextChoices):
    """How a message travels."""

    EMAIL = "email", "E-mail"
    SMS = "sms", "SMS"
    WEBHOOK = "webhook", "Webhook"


class Status(models.TextChoices):
    """Where a message is on its way."""

    PENDING = "pending", "Pending"  # waits for `next_attempt_at`
    SENDING = "sending", "Sending"  # a worker holds it until `leased_until`, then it is anybody's again
    SENT = "sent", "Sent"  # the provider has taken it
    DELIVERED = "delivered", "Delivered"  # and says that it arrived
    BOUNCED = "bounced", "Bounced"  # or that it never will; staff can send it again
    DEAD = "dead", "Dead"  # given up, with a reason; staff can send it again
    SUPPRESSED = "suppressed", "Suppressed"  # its reason had gone before it was sent


# What a provider has taken, whatever became of it then.
TAKEN = (Status.SENT, Status.DELIVERED, Status.BOUNCED)
# What did not arrive, for a reason that staff can read.
FAILED = (Status.DEAD, Status.BOUNCED)


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Questions about messages, and the one thing that staff may do to them."""

    def about(self, subject: str) -> NotificationQuerySet:
        """Every message about `subject`, oldest first."""
        return self.filter(subject=subject).order_by("id")

    def due(self) -> NotificationQuerySet:
        """What is to be sent now, also what a lost worker has left."""
        waiting = self.filter(status__in=[Status.PENDING, Status.SENDING])
        return waiting.alias(since=Coalesce("leased_until", "next_attempt_at")).filter(since__lte=Now())

    def send_again(self) -> int:
        """Give dead and bounced messages a fresh start; return how many. All others stay as they are."""
        return self.filter(status__in=FAILED).again()

    def again(self) -> int:
        """Give messages that have ended a fresh start; return how many.

        Those behind them in a queue have gone meanwhile, so they stand in none.
        """
        ended = self.filter(status__in=[*TAKEN, Status.DEAD, Status.SUPPRESSED])
        return ended.update(
            status=Status.PENDING,
            attempts=0,
            next_attempt_at=Now(),
            reason="",
            queue="",
            sent_at=None,
            provider="",
            provider_id="",
            receipt_at=None,
            charged_at=None,
        )


class Notification(models.Model):
    """One message on one channel.

    It knows its reason by `kind` and by `subject` ("package:<uuid>"), and no more: the words, the address
    and the code are looked up when it is sent. Every column that a caller need not know has its default in
    the database, because the hot path inserts with SQL (`outbox.insert_select`).
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40, help_text="What it says: the folder of its texts.")
    channel = models.CharField(max_length=10, choices=Channel)
    subject = models.CharField(max_length=60, help_text="What it is about, as package:<uuid>.")
    dedup_key = models.CharField(max_length=100, help_text="One message for one cause and channel.")
    queue = models.CharField(
        max_length=60,
        db_default="",
        blank=True,
        help_text="Of one subject and queue a message goes when those before it have ended; empty: at once.",
    )
    context = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Small facts; never personal data, codes or keys."
    )
    priority = models.PositiveSmallIntegerField(
        db_default=5, help_text="Lower goes first; pickup codes are 1."
    )
    status = models.CharField(max_length=12, choices=Status, db_default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(db_default=0, help_text="How often it was taken to be sent.")
    next_attempt_at = models.DateTimeField(db_default=Now())
    lease_token = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(
        db_default="", blank=True, help_text="Why dead, bounced or suppressed; else the last error."
    )
    provider = models.CharField(
        max_length=40, db_default="", blank=True, help_text="Who took it, of the channel's providers."
    )
    provider_id = models.CharField(
        max_length=200, db_default="", blank=True, help_text="The provider's own id of it."
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    receipt_at = models.DateTimeField(
        null=True, blank=True, help_text="When its provider said that it had arrived, or that it never will."
    )
    charged_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it was counted against the limits of SMS: once, not at each try.",
    )
    created_at = models.DateTimeField(db_default=Now())

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[Any]] = [
            # In the order in which the claim takes them: the most urgent first, then the longest due.
            models.Index(
                "channel",
                "priority",
                Coalesce("leased_until", "next_attempt_at"),
                name="notification_due",
                condition=Q(status__in=["pending", "sending"]),
            ),
            # Declared here and not on the columns, where Django adds a second one for LIKE to each.
            models.Index(fields=["subject"], name="notification_subject"),
            models.Index(
                fields=["-id"], name="notification_failed", condition=Q(status__in=["dead", "bounced"])
            ),
            # Where a receipt belongs; webhooks have no provider. The query says the condition word for word.
            models.Index(
                fields=["provider_id"],
                name="notification_provider_id",
                condition=Q(provider__gt="", provider_id__gt=""),
            ),
            # Webhooks only (the others have no destination): in the order of the claim of one destination,
            # who stands before whom in a queue, and one destination's messages, newest first.
            models.Index(
                "subject",
                "priority",
                Coalesce("leased_until", "next_attempt_at"),
                name="notification_destination_due",
                condition=Q(channel="webhook", status__in=["pending", "sending"]),
            ),
            models.Index(
                fields=["subject", "queue", "id"],
                name="notification_queue",
                condition=Q(channel="webhook", status__in=["pending", "sending"]),
            ),
            models.Index(
                fields=["subject", "-id"], name="notification_of_destination", condition=Q(channel="webhook")
            ),
        ]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["dedup_key"], name="notification_dedup_key_once"),
            models.CheckConstraint(
                name="notification_channel_known", condition=Q(channel__in=Channel.values)
            ),
            models.CheckConstraint(name="notification_status_known", condition=Q(status__in=Status.values)),
            models.CheckConstraint(
                name="notification_sent_has_time",
                condition=Q(status__in=["sent", "delivered", "bounced"], sent_at__isnull=False)
                | ~Q(status__in=["sent", "delivered", "bounced"]) & Q(sent_at__isnull=True),
            ),
            models.CheckConstraint(
                name="notification_receipt_has_time",
                condition=Q(status__in=["delivered", "bounced"], receipt_at__isnull=False)
                | ~Q(status__in=["delivered", "bounced"]) & Q(receipt_at__isnull=True),
            ),
            models.CheckConstraint(
                name="notification_sending_has_lease",
                condition=Q(status="sending", lease_token__isnull=False, leased_until__isnull=False)
                | ~Q(status="sending") & Q(lease_token__isnull=True, leased_until__isnull=True),
            ),
            models.CheckConstraint(
                name="notification_end_has_reason",
                condition=~Q(status__in=["dead", "suppressed", "bounced"]) | ~Q(reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel} about {self.subject}"


class Destination(models.Model):
    """Where the messages of one subject go, on a channel that has many receivers: a webhook's endpoint.

    Each has a pause and an end of its own, so that one that is slow or dead delays no other one. Open while
    `closed_at` is empty; what was waiting for a closed one ends as suppressed.
    """

    subject = models.CharField(max_length=60, primary_key=True, help_text="As webhook:<uuid>.")
    failures = models.PositiveIntegerField(db_default=0, help_text="Failures in a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(db_default="", blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_reason = models.TextField(db_default="", blank=True)
    opened_at = models.DateTimeField(db_default=Now(), help_text="Since when it takes messages.")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="destination_failing_pair",
                condition=Q(failures=0, failing_since__isnull=True)
                | Q(failures__gt=0, failing_since__isnull=False),
            ),
            models.CheckConstraint(
                name="destination_closed_pair",
                condition=Q(closed_at__isnull=True, closed_reason="")
                | Q(closed_at__isnull=False) & ~Q(closed_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {'closed' if self.closed_at else 'paused' if self.paused_until else 'open'}"


class ChannelState(models.Model):
    """The circuit breaker of one provider of a channel: shared by all workers, and visible to staff.

    Closed while `opened_at` is empty. While it is open nothing is sent by this provider but one probe each
    time that `next_probe_at` has come.
    """

    id = models.BigAutoField(primary_key=True)
    channel = models.CharField(max_length=10, choices=Channel)
    provider = models.CharField(max_length=40, db_default="", help_text="Its name in the settings.")
    failures = models.PositiveIntegerField(db_default=0, help_text="Failures of the provider in a row.")
    opened_at = models.DateTimeField(null=True, blank=True)
    next_probe_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(db_default="", blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "provider of messages"
        verbose_name_plural = "providers of messages"
        ordering: ClassVar[list[str]] = ["channel", "id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["channel", "provider"], name="channelstate_provider_once"),
            models.CheckConstraint(
                name="channelstate_open_has_probe",
                condition=Q(opened_at__isnull=True, next_probe_at__isnull=True)
                | Q(opened_at__isnull=False, next_probe_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} by {self.provider}: {'open' if self.opened_at else 'closed'}"


class Tally(models.Model):
    """What has been spent of one limit of SMS: a payer's or a number's of one day, or one subject's.

    `key` holds no number as text, but an HMAC that differs from day to day.
    """

    key = models.CharField(max_length=120, primary_key=True, help_text="payer:<day>:<name>, or as it says.")
    used = models.DecimalField(
        max_digits=14, decimal_places=4, db_default=0, help_text="Money of a payer; else a number of SMS."
    )
    refused = models.PositiveIntegerField(db_default=0, help_text="SMS that were not sent for this limit.")
    day = models.DateField(help_text="In UTC, when it was last looked at.")

    class Meta:
        verbose_name = "limit of SMS"
        verbose_name_plural = "limits of SMS"
        indexes: ClassVar[list[Any]] = [models.Index(fields=["day"], name="tally_day")]

    def __str__(self) -> str:
        return self.key


class Receipt(models.Model):
    """What a provider said of one message: so that it changes something once, however often it is said.

    What comes before the portal has written down that the message was sent belongs to none yet, and is
    looked at again (`matched`). Kept for a day: a signature is worth nothing after minutes.
    """

    key = models.CharField(max_length=64, primary_key=True, help_text="A hash of the provider and its event.")
    provider = models.CharField(max_length=40)
    provider_id = models.CharField(max_length=200, db_default="", blank=True)
    number = models.BigIntegerField(null=True, blank=True, help_text="The message's, where it was named.")
    outcome = models.CharField(
        max_length=12, choices=[(Status.DELIVERED, "Delivered"), (Status.BOUNCED, "Bounced")]
    )
    reason = models.TextField(db_default="", blank=True)
    matched = models.BooleanField(db_default=False)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["received_at"], name="receipt_received"),
            models.Index(fields=["received_at"], name="receipt_waits", condition=Q(matched=False)),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="receipt_outcome_known", condition=Q(outcome__in=["delivered", "bounced"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.outcome}"
