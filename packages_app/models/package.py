"""Packages."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Min, Q
from django.db.models.functions import Now

from common.clock import ClockTimestamp, add_local_days
from lockers.models import Compartment, Downtime, Location, Size
from notifications import outbox
from packages_app import errors
from packages_app.life import announcements, lifecycle
from packages_app.life.kinds import KINDS
from packages_app.life.lifecycle import Event, Status
from packages_app.models.couriers import Courier
from packages_app.models.package_queryset import PackageQuerySet
from packages_app.models.people import Delegate, Recipient

if TYPE_CHECKING:
    from packages_app.models.history import PackageEvent
    from packages_app.secrets.pickup_codes import Issued


def _values(statuses: Iterable[Status]) -> list[str]:
    """Return plain strings: migrations keep them."""
    return [status.value for status in statuses]


def _moments_of_statuses() -> Iterator[models.CheckConstraint]:
    """Yield the checks that the moment of a status has a value exactly in that status."""
    for status, rule in lifecycle.RULES.items():
        if rule.moment:
            yield models.CheckConstraint(
                condition=Q(status=status.value, **{f"{rule.moment}__isnull": False})
                | ~Q(status=status.value) & Q(**{f"{rule.moment}__isnull": True}),
                name=f"package_{status.lower()}_pair",
            )


class Package(models.Model):
    """A package that a courier drops off and a recipient picks up.

    It occupies its compartment from the claim until somebody has taken it out: `released_at` is empty until
    then. Expiry or cancellation of a package that is in its compartment does not free the compartment.
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
        null=True, editable=False, help_text="On hold since then: nobody can pick it up until it is released"
    )
    held_expires_at = models.DateTimeField(
        null=True, editable=False, help_text="The pickup deadline that it had when it was put on hold"
    )
    collected_by_delegate = models.BooleanField(default=False, db_default=False, editable=False)
    stood_still = models.DurationField(
        default=timedelta(0),
        db_default=timedelta(0),
        editable=False,
        help_text="Lost while its location was down, and added to the end of the hold",
    )

    # Which reminders of the hold that ends at `reminded_for` are done: 1 the first, 2 the last one as well. A
    # new `expires_at` begins a new hold, so that code that changes it need not know about reminders.
    reminders = models.SmallIntegerField(default=0, db_default=0, editable=False)
    reminded_for = models.DateTimeField(null=True, editable=False)

    # The code itself is computed (`secrets/pickup_codes.py`), never stored.
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
            *_moments_of_statuses(),
            models.CheckConstraint(
                condition=Q(stored_at__isnull=True, expires_at__isnull=True)
                & (Q(status__in=["PENDING", "CANCELLED"]) | Q(status="RETURNED", cancelled_at__isnull=False))
                | Q(stored_at__isnull=False, expires_at__isnull=False) & ~Q(status="PENDING"),
                name="package_stored_pair",
            ),
            models.CheckConstraint(
                condition=Q(status="CANCELLED", cancelled_at__isnull=False)
                | Q(status="RETURNED")
                | ~Q(status__in=["CANCELLED", "RETURNED"]) & Q(cancelled_at__isnull=True),
                name="package_cancelled_pair",
            ),
            models.CheckConstraint(
                condition=Q(status__in=_values(lifecycle.OPEN), released_at__isnull=True)
                | Q(status__in=_values(lifecycle.OUT), released_at__isnull=False)
                | Q(status="CANCELLED"),
                name="package_holds_door",
            ),
            models.CheckConstraint(
                condition=Q(status__in=_values(lifecycle.WITH_CODE), code_mac__isnull=False)
                | ~Q(status__in=_values(lifecycle.WITH_CODE)) & Q(code_mac__isnull=True),
                name="package_code_pair",
            ),
            models.CheckConstraint(
                condition=Q(held_at__isnull=True, held_expires_at__isnull=True)
                | Q(held_at__isnull=False, status__in=_values(lifecycle.OPEN)),
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
        """The latest end of its hold that the location allows, with the time lost in downtimes."""
        assert self.stored_at is not None
        allowed = add_local_days(self.stored_at, self.location.max_hold_days, self.location.zone)
        return allowed + self.stood_still

    @property
    def delegate(self) -> Delegate | None:
        """Who else may pick it up, or has; `prefetch_related("delegates")` saves a query."""
        return next((delegate for delegate in self.delegates.all() if delegate.withdrawn_at is None), None)

    @property
    def holds_door(self) -> bool:
        """Whether it occupies its compartment."""
        return self.released_at is None

    @property
    def may_be_inside(self) -> bool:
        """Whether it may be in its compartment although the deposit was never confirmed."""
        return self.opened_at is not None or not self.reports_opening

    def clock_reads(self, now: datetime) -> datetime:
        """Return the time on the hold clock of its location at `now`; downtimes stop the clock."""
        downtimes = Downtime.objects.unsettled().filter(location_id=self.location_id)
        began: datetime | None = downtimes.aggregate(began=Min("began_at"))["began"]
        return min(now, began) if began else now

    def storing(self, now: datetime, code: Issued | None = None) -> dict[str, Any]:
        """Return the columns of this package once it is stored at `now`: hold period and pickup code.

        While the package is on hold, the hold period is the longest that the location allows; the release
        sets the end. `code` is one that the caller has made; else it is one that no other package there has.
        """
        days = self.location.hold_days if self.held_at is None else self.location.max_hold_days
        columns: dict[str, Any] = {
            "stored_at": now,
            "expires_at": add_local_days(now, days, self.location.zone),
            **(code.columns if code else self.new_code(version=self.code_version)),
        }
        if self.held_at is not None:
            columns["held_expires_at"] = add_local_days(now, self.location.hold_days, self.location.zone)
        return columns

    def new_code(self, *, version: int) -> dict[str, Any]:
        """Return the columns of a pickup code from `version` on that no other package at the location has."""
        return {**Package.objects.unused_code(self.pk, self.location_id, version=version).columns}

    def must_be_waiting(self, *, now: datetime) -> None:
        """Raise `WrongStatus` unless it is STORED and its hold has not ended."""
        if self.status != Status.STORED:
            raise errors.WrongStatus(status=self.status)
        if self.expires_at is not None and self.expires_at <= self.clock_reads(now):
            raise errors.WrongStatus(status=Status.EXPIRED)  # the next sweep will write it down

    def move_to(
        self,
        status: lifecycle.Status,
        *,
        event: Event,
        by: str,
        reason: str = "",
        **fields: datetime | bytes | int | Compartment | None,
    ) -> PackageEvent:
        """Change the status: check the transition, and write the row, its history and the messages together.

        Packages change in no other way, except in the statements of `sql/`, which do the same. `fields` are
        further columns of the row. The caller holds the row's lock. Raises `WrongStatus`.
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
        """Write the messages to recipient and delegate, in the transaction of the event."""
        delegate = None if self.collected_by_delegate else self.delegate
        if (line.event, line.from_status) in lifecycle.CODES_END and delegate is not None:
            delegate.tell(cause=line.pk, kind="delegate_ended", like_recipient=True)
        kind = lifecycle.TOLD.get((Event(line.event), line.from_status))
        if kind is not None:
            self.tell(kind, dedup_prefix=f"event:{line.pk}")

    def tell(self, kind: str, *, dedup_prefix: str, context: Mapping[str, object] | None = None) -> None:
        """Write a message to the recipient for each of their channels; see `outbox.enqueue`."""
        outbox.enqueue(
            kind=kind,
            channels=self.recipient.channels,
            subject=f"package:{self.pk}",
            dedup_prefix=dedup_prefix,
            priority=KINDS[kind].priority,
            context=context,
        )

    def _announce(self, line: PackageEvent) -> None:
        """Write the messages to the courier's webhooks, in the transaction of the event."""
        event_type = lifecycle.ANNOUNCED.get((Event(line.event), line.from_status))
        if event_type is not None:
            announcements.announce(
                courier_id=self.courier_id,
                event_type=event_type,
                subject=f"package:{self.pk}",
                cause=f"event:{line.pk}",
                at=line.at,
                event=line.event,
            )
