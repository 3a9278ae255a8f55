"""Packages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Min, Q
from django.db.models.functions import Now

from common.clock import ClockTimestamp, add_local_days
from lockers.models import Compartment, Downtime, Location, Size
from notifications import outbox
from packages_app import errors
from packages_app.life import lifecycle, webhook_rows
from packages_app.life.lifecycle import Event, Status
from packages_app.models.couriers import Courier
from packages_app.models.package_queryset import PackageQuerySet
from packages_app.models.people import Delegate, Recipient

if TYPE_CHECKING:
    from packages_app.models.history import PackageEvent


class Package(models.Model):
    """What a courier brings and a recipient takes.

    It holds its compartment from the claim until somebody has taken it out: `released_at` is empty so
    long. Expiry or cancellation of a package that lies in a door does not free the door.
    """

    Status = Status

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Each index is written by every drop-off and again by every pickup: none that another one covers.
    courier = models.ForeignKey(Courier, on_delete=models.PROTECT, related_name="packages", db_index=False)
    tracking_number = models.CharField(max_length=40)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="packages", db_index=False)
    compartment = models.ForeignKey(Compartment, on_delete=models.PROTECT, related_name="packages")
    recipient = models.OneToOneField(Recipient, on_delete=models.PROTECT, related_name="package")
    size = models.PositiveSmallIntegerField(choices=Size)
    accessible = models.BooleanField(default=False, help_text="Needs a door within reach from a wheelchair")
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING, editable=False)

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    reserved_until = models.DateTimeField(null=True, editable=False)
    reports_opening = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Its courier says when the door is opened: until then the door is shut",
    )
    opened_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When the courier opened the door to put it in, as far as they said",
    )
    stored_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    retrieved_at = models.DateTimeField(null=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, editable=False)
    returned_at = models.DateTimeField(null=True, editable=False)
    released_at = models.DateTimeField(null=True, editable=False)
    held_at = models.DateTimeField(
        null=True, editable=False, help_text="Held back: nobody gets it until it is released"
    )
    held_expires_at = models.DateTimeField(
        null=True, editable=False, help_text="When its hold would have ended, had it not been held back"
    )
    collected_by_delegate = models.BooleanField(default=False, db_default=False, editable=False)
    stood_still = models.DurationField(
        default=timedelta(0),
        db_default=timedelta(0),
        editable=False,
        help_text="Lost while its location was down, and added to the end of the hold",
    )

    # Which reminders of the hold that ends at `reminded_for` are done: 1 the first, 2 the last one as well.
    # Whoever changes `expires_at` begins a new hold with that, and need not know of reminders.
    reminders = models.SmallIntegerField(default=0, db_default=0, editable=False)
    reminded_for = models.DateTimeField(null=True, editable=False)

    # The code itself is computed (`codes.py`), never stored.
    code_version = models.PositiveSmallIntegerField(default=1, editable=False)
    code_secret = models.PositiveSmallIntegerField(default=1, editable=False, help_text="Id of the secret")
    code_mac = models.BinaryField(max_length=32, null=True, editable=False)
    # HMAC of code and nonce of the pickup that succeeded, so that the kiosk's repeat gets the same answer.
    pickup_receipt = models.BinaryField(max_length=32, null=True, editable=False)

    objects = PackageQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["location", "compartment"],
                condition=Q(released_at__isnull=True),
                name="package_one_per_compartment",
            ),
            models.UniqueConstraint(
                fields=["location", "code_mac"], condition=Q(code_mac__isnull=False), name="package_code_once"
            ),
            models.UniqueConstraint(
                fields=["courier", "tracking_number"],
                condition=Q(released_at__isnull=True),
                name="package_tracking_number_once",
            ),
            models.CheckConstraint(condition=Q(size__in=Size.values), name="package_size"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="package_status"),
            models.CheckConstraint(
                condition=Q(status="PENDING", reserved_until__isnull=False)
                | ~Q(status="PENDING") & Q(reserved_until__isnull=True),
                name="package_pending_pair",
            ),
            models.CheckConstraint(
                condition=Q(stored_at__isnull=True, expires_at__isnull=True)
                & (Q(status__in=["PENDING", "CANCELLED"]) | Q(status="RETURNED", cancelled_at__isnull=False))
                | Q(stored_at__isnull=False, expires_at__isnull=False) & ~Q(status="PENDING"),
                name="package_stored_pair",
            ),
            models.CheckConstraint(
                condition=Q(status="RETRIEVED", retrieved_at__isnull=False)
                | ~Q(status="RETRIEVED") & Q(retrieved_at__isnull=True),
                name="package_retrieved_pair",
            ),
            models.CheckConstraint(
                condition=Q(status="CANCELLED", cancelled_at__isnull=False)
                | Q(status="RETURNED")
                | ~Q(status__in=["CANCELLED", "RETURNED"]) & Q(cancelled_at__isnull=True),
                name="package_cancelled_pair",
            ),
            models.CheckConstraint(
                condition=Q(status="RETURNED", returned_at__isnull=False)
                | ~Q(status="RETURNED") & Q(returned_at__isnull=True),
                name="package_returned_pair",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "STORED", "EXPIRED"], released_at__isnull=True)
                | Q(status__in=["RETRIEVED", "RETURNED"], released_at__isnull=False)
                | Q(status="CANCELLED"),
                name="package_holds_door",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["STORED", "EXPIRED"], code_mac__isnull=False)
                | ~Q(status__in=["STORED", "EXPIRED"]) & Q(code_mac__isnull=True),
                name="package_code_pair",
            ),
            models.CheckConstraint(
                condition=Q(held_at__isnull=True, held_expires_at__isnull=True)
                | Q(held_at__isnull=False, status__in=["PENDING", "STORED", "EXPIRED"]),
                name="package_held_pair",
            ),
            models.CheckConstraint(
                condition=Q(collected_by_delegate=False) | Q(status="RETRIEVED"),
                name="package_delegate_collected",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(status="STORED"), name="package_expiring_idx"),
            models.Index(
                fields=["reserved_until"], condition=Q(status="PENDING"), name="package_lapsing_idx"
            ),
            models.Index(fields=["courier", "-created_at"], name="package_courier_idx"),
            models.Index(fields=["courier", "updated_at"], name="package_updated_idx"),
            models.Index(fields=["location", "-created_at"], name="package_location_idx"),
            models.Index(
                fields=["location", "pickup_receipt"],
                condition=Q(pickup_receipt__isnull=False),
                name="package_receipt_idx",
            ),
            models.Index(
                fields=["location", "expires_at"],
                condition=Q(released_at__isnull=True, status__in=["EXPIRED", "CANCELLED"]),
                name="package_to_return_idx",
            ),
        ]

    def __str__(self) -> str:
        return self.tracking_number

    @property
    def latest_end(self) -> datetime:
        """The latest end of the hold that its location allows from the deposit on, besides downtimes."""
        assert self.stored_at is not None
        allowed = add_local_days(self.stored_at, self.location.max_hold_days, self.location.zone)
        return allowed + self.stood_still

    @property
    def delegate(self) -> Delegate | None:
        """Who else may collect it, or has; `prefetch_related("delegates")` saves the question."""
        return next((one for one in self.delegates.all() if one.withdrawn_at is None), None)

    @property
    def holds_door(self) -> bool:
        """Whether its compartment is not free because of it."""
        return self.released_at is None

    @property
    def may_be_inside(self) -> bool:
        """Whether a parcel whose deposit was never confirmed may lie in the door all the same."""
        return self.opened_at is not None or not self.reports_opening

    def clock_reads(self, now: datetime) -> datetime:
        """What the hold clock of its location shows at `now`: it stands while the location is down."""
        downtimes = Downtime.objects.unsettled().filter(location_id=self.location_id)
        began: datetime | None = downtimes.aggregate(began=Min("began_at"))["began"]
        return min(now, began) if began else now

    def must_be_waiting(self, *, now: datetime) -> None:
        """Raises `WrongStatus` unless it is STORED and its hold has not ended."""
        if self.status != Status.STORED:
            raise errors.WrongStatus(status=self.status)
        if self.expires_at is not None and self.expires_at <= self.clock_reads(now):
            raise errors.WrongStatus(status=Status.EXPIRED)  # which the next sweep writes down

    def move_to(
        self,
        status: lifecycle.Status,
        *,
        event: Event,
        by: str,
        reason: str = "",
        **fields: datetime | bytes | int | Compartment | None,
    ) -> PackageEvent:
        """The one gate through which a package changes: checks the transition, writes row, history, messages.

        `fields` are further columns of the row. The caller holds the row's lock. Raises `WrongStatus`.
        """
        before = self.status
        if not lifecycle.allowed(before, status, event):
            raise errors.WrongStatus(status=before)
        if self.held_at is not None and status not in lifecycle.OPEN:
            fields |= {"held_at": None, "held_expires_at": None}
        for field, value in fields.items():
            setattr(self, field, value)
        self.status = status
        self.updated_at = ClockTimestamp()
        self.save(update_fields=["status", "updated_at", *fields])
        line = self.events.create(
            event=event,
            from_status=before,
            to_status=status,
            by=by,
            reason=reason,
            compartment=self.compartment if self.holds_door else None,
        )
        self._tell(line)
        self._announce(line)
        return line

    def _tell(self, line: PackageEvent) -> None:
        """The messages to recipient and delegate, in the same transaction as what they tell of."""
        delegate = None if self.collected_by_delegate else self.delegate
        if (line.event, line.from_status) in lifecycle.CODES_END and delegate is not None:
            delegate.tell(cause=line.pk, kind="delegate_ended", like_recipient=True)
        kind = lifecycle.TOLD.get((Event(line.event), line.from_status))
        if kind is not None:
            self.tell(kind, dedup_prefix=f"event:{line.pk}")

    def tell(self, kind: str, *, dedup_prefix: str, context: Mapping[str, object] | None = None) -> None:
        """A message to the recipient, by each channel of theirs; see `outbox.enqueue`."""
        outbox.enqueue(
            kind=kind,
            channels=self.recipient.channels,
            subject=f"package:{self.pk}",
            dedup_prefix=dedup_prefix,
            priority=lifecycle.PRIORITY.get(kind, lifecycle.DEFAULT_PRIORITY),
            context=context,
        )

    def _announce(self, line: PackageEvent) -> None:
        """The rows for the courier's endpoints, in the same transaction too."""
        event_type = lifecycle.ANNOUNCED.get((Event(line.event), line.from_status))
        if event_type is not None:
            webhook_rows.announce(
                courier_id=self.courier_id,
                event_type=event_type,
                subject=f"package:{self.pk}",
                cause=f"event:{line.pk}",
                at=line.at,
                event=line.event,
            )
