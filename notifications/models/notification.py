"""The outbox: one row is one message on one channel, and its only retry clock."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from notifications.channels.registry import Channel
from notifications.models.states import FAILED, OPEN, TAKEN, Status


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Queries for messages, and the one thing that staff may do to them."""

    def about(self, subject: str) -> NotificationQuerySet:
        """Return every message to people about `subject`, oldest first."""
        return self.filter(subject=subject).order_by("id")

    def to_destination(self, destination_id: str) -> NotificationQuerySet:
        """Return the webhooks that go to one endpoint."""
        return self.filter(channel=Channel.WEBHOOK, subject=destination_id)

    def due(self) -> NotificationQuerySet:
        """Return what is to be sent now, also what a lost worker has left."""
        waiting = self.filter(status__in=OPEN)
        return waiting.alias(since=Coalesce("leased_until", "next_attempt_at")).filter(since__lte=Now())

    def send_again(self) -> int:
        """Make dead and bounced messages pending again; return how many. Skip all others."""
        return self.filter(status__in=FAILED).again()

    def again(self) -> int:
        """Make messages that have ended pending again, with a new count of attempts; return how many.

        They leave their queue, because those behind them have been sent meanwhile.
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

    It knows its reason by `kind` and by what it is `about`, and no more: the words, the address and the code
    are looked up when it is sent. Every column that a caller need not know has its default in the database,
    because the hot path inserts with SQL (`outbox.insert_select`).

    For a webhook the column `subject` holds its endpoint, and `queue` what it is about: the indexes of the
    claim begin with the endpoint. Read `about` and `destination_id` instead of the columns.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40, help_text="What it says: the folder of its templates.")
    channel = models.CharField(max_length=10, choices=Channel)
    subject = models.CharField(
        max_length=60,
        help_text="What it is about, as package:<uuid>; for a webhook its endpoint, as webhook:<uuid>.",
    )
    dedup_key = models.CharField(max_length=100, help_text="One message for one cause and channel.")
    queue = models.CharField(
        max_length=60,
        db_default="",
        blank=True,
        help_text=(
            "For a webhook: what it is about, as package:<uuid>. It is sent only after earlier ones to its "
            "endpoint about the same have ended; empty: at once."
        ),
    )
    context = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Small facts; never personal data, codes or keys."
    )
    priority = models.PositiveSmallIntegerField(
        db_default=5, help_text="Lower goes first; pickup codes are 1."
    )
    status = models.CharField(max_length=12, choices=Status, db_default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(db_default=0, help_text="How often a worker has claimed it.")
    next_attempt_at = models.DateTimeField(db_default=Now())
    lease_token = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(
        db_default="",
        blank=True,
        help_text="Why it is dead, bounced or suppressed; otherwise the last error.",
    )
    provider = models.CharField(
        max_length=40,
        db_default="",
        blank=True,
        help_text="Which of the channel's providers has accepted it.",
    )
    provider_id = models.CharField(
        max_length=200, db_default="", blank=True, help_text="The provider's own id for it."
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    receipt_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the provider reported it delivered, or undeliverable.",
    )
    charged_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it was counted against the SMS limits: once, not at each attempt.",
    )
    created_at = models.DateTimeField(db_default=Now())

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[Any]] = [
            # In the order of the claim: the most urgent first, then the one that has been due longest.
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
            # To match delivery receipts; webhooks have no provider. The query repeats the condition.
            models.Index(
                fields=["provider_id"],
                name="notification_provider_id",
                condition=Q(provider__gt="", provider_id__gt=""),
            ),
            # Webhooks only: the claim of one endpoint's messages in its order, the order within a queue, and
            # the messages of one endpoint, newest first.
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
        return f"{self.kind} by {self.channel} about {self.about or self.subject}"

    @property
    def about(self) -> str:
        """What the message is about, as package:<uuid>, on every channel.

        Empty for a webhook that stands in no queue, such as a test event.
        """
        return self.queue if self.channel == Channel.WEBHOOK else self.subject

    @property
    def destination_id(self) -> str:
        """The endpoint that a webhook goes to, as webhook:<uuid>; empty for messages to people."""
        return self.subject if self.channel == Channel.WEBHOOK else ""
