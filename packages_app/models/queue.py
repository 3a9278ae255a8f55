"""Who waits for a door at a full location."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from common.clock import ClockTimestamp
from lockers.models import Location, Size
from packages_app.models.couriers import Courier
from packages_app.models.package import Package
from packages_app.models.people import Recipient

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# First come, first served.
ORDER = ("created_at", "id")


class QueueStatus(models.TextChoices):
    """Whether it still waits, and how its waiting ended."""

    WAITING = "WAITING", "Waiting"
    GRANTED = "GRANTED", "Has been given a door"
    LEFT = "LEFT", "Left the queue, or has a door elsewhere"
    EXPIRED = "EXPIRED", "Waited in vain"


class QueueEntryQuerySet(models.QuerySet["QueueEntry"]):
    def waiting(self) -> QueueEntryQuerySet:
        """Who has no door yet, and still wants one."""
        return self.filter(status=QueueStatus.WAITING)

    def for_user(self, user: User) -> QueueEntryQuerySet:
        """The entries at locations this user manages; all of them for staff."""
        return self if user.is_staff else self.filter(location__memberships__user=user)

    def before(self, created_at: datetime | OuterRef, pk: uuid.UUID | OuterRef) -> QueueEntryQuerySet:
        """Who came earlier than this one."""
        return self.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))

    def with_position(self) -> QueueEntryQuerySet:
        """Each with its `place`: 1 for the first who waits at its location. For those who wait."""
        earlier = (
            QueueEntry.objects.waiting()
            .filter(location_id=OuterRef("location_id"))
            .before(OuterRef("created_at"), OuterRef("pk"))
            .order_by()
            .values("location_id")
            .annotate(count=Count("pk"))
            .values("count")
        )
        return self.annotate(place=Coalesce(Subquery(earlier), 0) + 1)


class QueueEntry(models.Model):
    """A parcel that waits for a door; when one is free that it fits, it becomes a PENDING package.

    Its recipient's data stand in their row only while it waits: they go to the package, or are deleted.
    """

    Status = QueueStatus

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    courier = models.ForeignKey(Courier, on_delete=models.PROTECT, related_name="queue_entries")
    tracking_number = models.CharField(max_length=40)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="queue_entries")
    recipient = models.OneToOneField(
        Recipient, on_delete=models.PROTECT, null=True, related_name="queue_entry"
    )
    size = models.PositiveSmallIntegerField(choices=Size)
    accessible = models.BooleanField(default=False, help_text="Needs a door within reach from a wheelchair")
    status = models.CharField(max_length=10, choices=QueueStatus, default=QueueStatus.WAITING, editable=False)
    reserve_minutes = models.PositiveSmallIntegerField(help_text="How long a door is kept for it")

    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    expires_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False, help_text="When it no longer waited")
    package = models.OneToOneField(
        Package, on_delete=models.PROTECT, null=True, editable=False, related_name="queue_entry"
    )

    objects = QueueEntryQuerySet.as_manager()

    class Meta:
        ordering = ORDER
        verbose_name_plural = "queue entries"
        constraints = [
            models.UniqueConstraint(
                fields=["courier", "tracking_number"],
                condition=Q(status="WAITING"),
                name="queueentry_tracking_number_once",
            ),
            models.CheckConstraint(condition=Q(size__in=Size.values), name="queueentry_size"),
            models.CheckConstraint(
                condition=Q(status="WAITING", ended_at__isnull=True, recipient__isnull=False)
                | Q(
                    status__in=["GRANTED", "LEFT", "EXPIRED"], ended_at__isnull=False, recipient__isnull=True
                ),
                name="queueentry_ended_pair",
            ),
            models.CheckConstraint(
                condition=Q(status="GRANTED", package__isnull=False)
                | ~Q(status="GRANTED") & Q(package__isnull=True),
                name="queueentry_granted_pair",
            ),
        ]
        indexes = [
            models.Index(
                fields=["location", "created_at", "id"],
                condition=Q(status="WAITING"),
                name="queueentry_waiting_idx",
            ),
            models.Index(
                fields=["expires_at"], condition=Q(status="WAITING"), name="queueentry_expiring_idx"
            ),
            models.Index(fields=["courier", "-created_at"], name="queueentry_courier_idx"),
            models.Index(
                fields=["ended_at"], condition=Q(ended_at__isnull=False), name="queueentry_ended_idx"
            ),
        ]

    def __str__(self) -> str:
        return self.tracking_number

    @property
    def position(self) -> int | None:
        """1 for the first who waits at its location; None once it no longer waits."""
        if self.status != QueueStatus.WAITING:
            return None
        place: int | None = getattr(self, "place", None)
        if place is not None:
            return place
        waiting = QueueEntry.objects.waiting().filter(location_id=self.location_id)
        return waiting.before(self.created_at, self.pk).count() + 1

    def end(self, status: QueueStatus, *, package: Package | None = None) -> None:
        """It no longer waits, and its recipient's data are the package's, or gone.

        The caller holds the row's lock.
        """
        recipient, self.recipient = self.recipient, None
        self.status, self.package, self.ended_at = status, package, ClockTimestamp()
        self.save(update_fields=["status", "package", "ended_at", "recipient"])
        if recipient is not None and package is None:
            recipient.delete()
