"""Lockers and their compartments."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Q

from common.clock import ClockTimestamp
from common.wakeup import wake_queue
from lockers import errors
from lockers.models.location import Location

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from lockers.models.repair import Repair


class Size(models.IntegerChoices):
    """A size of compartment, and the only list of them (`docs/how-to/add-a-size.md`).

    Integers, so that `compartment.size >= package.size` tells whether a package fits.
    """

    SMALL = 1, "Small"
    MEDIUM = 2, "Medium"
    LARGE = 3, "Large"


class Locker(models.Model):
    """One cabinet at a location, with columns of compartments."""

    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="lockers")
    name = models.CharField(max_length=10, help_text="Written on the locker: A, B, …")

    class Meta:
        ordering = ["location", "name"]
        constraints = [models.UniqueConstraint(fields=["location", "name"], name="locker_name_once")]

    def __str__(self) -> str:
        return f"{self.location.code} {self.name}"


def _may_be(values: dict[str, Any], column: str, wanted: object) -> bool:
    """Return whether an update may write `wanted` into the column: an expression may write anything."""
    value = values.get(column, ...)
    return value == wanted or hasattr(value, "resolve_expression")


class CompartmentQuerySet(models.QuerySet["Compartment"]):
    """Queries of compartments."""

    def free(self) -> CompartmentQuerySet:
        """Return the available compartments: empty and in service."""
        return self.filter(occupancy=Compartment.Occupancy.EMPTY, out_of_service_at__isnull=True)

    def for_user(self, user: User) -> CompartmentQuerySet:
        """Return the compartments at locations that this user manages; all of them for staff."""
        return self if user.is_staff else self.filter(location__memberships__user=user)

    def update(self, **values: Any) -> int:
        """As Django's; one that may free compartments wakes the queue, as the methods of a row do."""
        count = super().update(**values)
        if count and (_may_be(values, "occupancy", "empty") or _may_be(values, "out_of_service_at", None)):
            transaction.on_commit(wake_queue, robust=True)
        return count

    def lock(self, pk: int) -> Compartment:
        """Return the row, locked until the transaction ends. Raises `UnknownCompartment`."""
        try:
            return self.select_for_update(of=("self",), no_key=True).get(pk=pk)
        except self.model.DoesNotExist:
            raise errors.UnknownCompartment from None


class Compartment(models.Model):
    """One compartment of a locker.

    `occupancy` is what is known about its inside, and `out_of_service_at` is whether its door works. They are
    independent, because a door can break while a package is inside. People see `status`, which is derived.
    """

    class Occupancy(models.TextChoices):
        EMPTY = "empty", "Empty"
        RESERVED = "reserved", "Reserved"
        OCCUPIED = "occupied", "Occupied"
        UNVERIFIED = "unverified", "Nobody knows whether it is empty"
        DOUBTFUL = "doubtful", "Occupied by a package that may no longer be inside"

    class Status(models.TextChoices):
        AVAILABLE = "available", "Available"
        RESERVED = "reserved", "Reserved"
        OCCUPIED = "occupied", "Occupied"
        OUT_OF_SERVICE = "out_of_service", "Out of service"
        UNVERIFIED = "unverified", "Unverified"

    # The location is repeated here, although the locker has it, because every hot key and index starts with
    # it. Every claim and release writes all indexes of the row, because its occupancy decides whether it is
    # in the index of available compartments. So no index here is covered by another one.
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, related_name="compartments", db_index=False
    )
    locker = models.ForeignKey(Locker, on_delete=models.PROTECT, related_name="compartments", db_index=False)
    label = models.CharField(max_length=10, help_text="Written on the compartment's door")
    size = models.PositiveSmallIntegerField(choices=Size)
    position = models.PositiveIntegerField(help_text="The order in which compartments of a size are used")
    column = models.PositiveSmallIntegerField(help_text="Counted from the left, starting with 1")
    row = models.PositiveSmallIntegerField(help_text="Counted from the top, starting with 1")
    accessible = models.BooleanField(
        default=False, help_text="Reachable from a wheelchair: 350 to 1,230 mm above the ground"
    )
    occupancy = models.CharField(max_length=10, choices=Occupancy, default=Occupancy.EMPTY, editable=False)
    out_of_service_at = models.DateTimeField(null=True, blank=True, editable=False)
    out_of_service_reason = models.CharField(max_length=200, blank=True, default="", editable=False)

    repair: Repair  # only if one is planned; read `planned` instead

    objects = CompartmentQuerySet.as_manager()

    class Meta:
        ordering = ["location", "position"]
        constraints = [
            models.UniqueConstraint(fields=["locker", "location", "label"], name="compartment_label_once"),
            models.UniqueConstraint(fields=["location", "position"], name="compartment_position_once"),
            models.UniqueConstraint(
                fields=["location", "locker", "column", "row"], name="compartment_place_once"
            ),
            models.CheckConstraint(condition=Q(size__in=Size.values), name="compartment_size"),
            models.CheckConstraint(
                condition=Q(occupancy__in=["empty", "reserved", "occupied", "unverified", "doubtful"]),
                name="compartment_occupancy",
            ),
            models.CheckConstraint(
                condition=Q(out_of_service_at__isnull=True, out_of_service_reason="")
                | Q(out_of_service_at__isnull=False) & ~Q(out_of_service_reason=""),
                name="compartment_out_of_service_pair",
            ),
        ]
        indexes = [
            models.Index(
                fields=["location", "size", "position"],
                condition=Q(occupancy="empty", out_of_service_at__isnull=True),
                name="compartment_free_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.locker.name}-{self.label}"

    @property
    def status(self) -> Status:
        """What people see: a compartment out of service is shown as such, whatever is in it."""
        if self.out_of_service_at is not None:
            return self.Status.OUT_OF_SERVICE
        return STATUS_BY_OCCUPANCY[self.Occupancy(self.occupancy)]

    def release(self, *, unverified: bool = False) -> None:
        """Free the compartment; `unverified` if nobody has looked inside. The caller has locked the row."""
        self.occupancy = self.Occupancy.UNVERIFIED if unverified else self.Occupancy.EMPTY
        self.save(update_fields=["occupancy"])
        self._wake_queue_if_free()

    def hold(self, occupancy: Occupancy) -> None:
        """Mark the compartment as reserved or occupied by a package. The caller has locked the row."""
        self.occupancy = occupancy
        self.save(update_fields=["occupancy"])

    @property
    def planned(self) -> Repair | None:
        """The planned repair, or None."""
        return getattr(self, "repair", None)

    def take_out_of_service(self, *, by: str, reason: str, now: datetime) -> CompartmentEvent:
        """Take the compartment out of service; a package that is inside stays. The caller has locked the row.

        An earlier confirmation of the repair no longer counts, because this is another fault.
        """
        self.out_of_service_at = self.out_of_service_at or now
        self.out_of_service_reason = reason
        self.save(update_fields=["out_of_service_at", "out_of_service_reason"])
        if repair := self.planned:
            repair.checked_at, repair.checked_by = None, ""
            repair.save(update_fields=["checked_at", "checked_by"])
        return self.events.create(kind=CompartmentEvent.Kind.TAKEN_OUT, by=by, reason=reason)

    def confirm_repair(self, *, by: str, now: datetime) -> None:
        """Record that somebody has seen the door open, close and lock. The caller has locked the row.

        Raises `NoRepairPlanned`.
        """
        repair = self.planned
        if repair is None:
            raise errors.NoRepairPlanned
        repair.checked_at, repair.checked_by = now, by
        repair.save(update_fields=["checked_at", "checked_by"])
        self.events.create(kind=CompartmentEvent.Kind.REPAIR_CHECKED, by=by)

    def put_back_in_service(self, *, by: str) -> None:
        """Put the compartment back in service, whatever is inside. The caller has locked the row."""
        self.out_of_service_at, self.out_of_service_reason = None, ""
        self.save(update_fields=["out_of_service_at", "out_of_service_reason"])
        if repair := self.planned:
            repair.delete()
        self._wake_queue_if_free()
        self.events.create(kind=CompartmentEvent.Kind.PUT_BACK, by=by)

    def _wake_queue_if_free(self) -> None:
        if self.status == self.Status.AVAILABLE:
            transaction.on_commit(wake_queue, robust=True)

    def mark_unverified(self, *, by: str, reason: str) -> CompartmentEvent:
        """Keep the compartment from being used until somebody looks inside. The caller has locked the row."""
        self.release(unverified=True)
        return self.events.create(kind=CompartmentEvent.Kind.UNVERIFIED, by=by, reason=reason)

    def confirm_empty(self, *, by: str) -> None:
        """Record that somebody has looked inside and found nothing. The caller has locked the row.

        Raises `CompartmentInUse` if a package occupies the compartment: only taking that out frees it.
        """
        if self.occupancy not in (self.Occupancy.UNVERIFIED, self.Occupancy.EMPTY):
            raise errors.CompartmentInUse
        self.release()
        self.events.create(kind=CompartmentEvent.Kind.CHECKED_EMPTY, by=by)


# The status of a compartment in service, by its occupancy; one that is out of service shows that instead.
STATUS_BY_OCCUPANCY = {
    Compartment.Occupancy.EMPTY: Compartment.Status.AVAILABLE,
    Compartment.Occupancy.RESERVED: Compartment.Status.RESERVED,
    Compartment.Occupancy.OCCUPIED: Compartment.Status.OCCUPIED,
    Compartment.Occupancy.UNVERIFIED: Compartment.Status.UNVERIFIED,
    Compartment.Occupancy.DOUBTFUL: Compartment.Status.UNVERIFIED,
}


class CompartmentEvent(models.Model):
    """An event in the history of a compartment. The history is append-only."""

    class Kind(models.TextChoices):
        TAKEN_OUT = "taken_out", "Taken out of service"
        PUT_BACK = "put_back", "Put back in service"
        REPAIR_PLANNED = "repair_planned", "Repair planned"
        REPAIR_CHECKED = "repair_checked", "Repair confirmed"
        UNVERIFIED = "unverified", "Marked unverified"
        CHECKED_EMPTY = "checked_empty", "Marked as empty"

    compartment = models.ForeignKey(Compartment, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(db_default=ClockTimestamp())
    kind = models.CharField(max_length=20, choices=Kind)
    by = models.CharField(max_length=120)
    reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.compartment_id} {self.kind}"
