"""Locations and who manages them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from common.languages import language_choices
from common.wakeup import wake_queue
from lockers import errors

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from lockers.models.downtime import Downtime


def validate_time_zone(value: str) -> None:
    """Reject a value that is not an IANA time zone."""
    if value not in available_timezones():
        raise ValidationError("%(value)s is not an IANA time zone.", params={"value": value})


class AllocationStrategy(models.TextChoices):
    """How a compartment is chosen; `lockers/allocation.py` has a function for each."""

    BEST_FIT = "best_fit", "Best fit: the smallest available compartment that fits"
    FIRST_AVAILABLE = "first_available", "First available: the first compartment of exactly that size"


class LocationQuerySet(models.QuerySet["Location"]):
    """Queries of locations."""

    def for_user(self, user: User) -> LocationQuerySet:
        """Return the locations that this user manages; all of them for staff."""
        return self if user.is_staff else self.filter(memberships__user=user)

    def lock(self, pk: int) -> Location:
        """Return the row, locked until the transaction ends. Packages are locked after it, never before.

        Raises `UnknownLocation` for an id that does not exist in this set.
        """
        try:
            return self.select_for_update(of=("self",), no_key=True).get(pk=pk)
        except self.model.DoesNotExist:
            raise errors.UnknownLocation from None


class Location(models.Model):
    """A site with one or more lockers."""

    Strategy: TypeAlias = AllocationStrategy

    code = models.CharField(
        max_length=40, unique=True, validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z")]
    )
    name = models.CharField(max_length=200)
    country = models.CharField(
        max_length=2, validators=[RegexValidator(r"\A[A-Z]{2}\Z")], help_text="ISO 3166-1 alpha-2"
    )
    region = models.CharField(max_length=100, blank=True, default="")
    city = models.CharField(max_length=100, blank=True, default="")
    address = models.CharField(max_length=200, blank=True, default="")
    latitude = models.FloatField(null=True, blank=True, help_text="WGS 84, degrees")
    longitude = models.FloatField(null=True, blank=True, help_text="WGS 84, degrees")
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    hold_days = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
        help_text="How long a package may wait, in whole days in the location's time zone",
    )
    max_hold_days = models.PositiveSmallIntegerField(
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text="The longest hold with all extensions, in days from the deposit",
    )
    reminder_hours = models.PositiveSmallIntegerField(
        default=24,
        db_default=24,
        validators=[MaxValueValidator(168)],
        help_text="The hours before the pickup deadline at which recipients are reminded; 0: no reminder",
    )
    reminder_last_hours = models.PositiveSmallIntegerField(
        default=12,
        db_default=12,
        validators=[MaxValueValidator(72)],
        help_text="The hours before the deadline of the last reminder, with a link to extend it; 0: none",
    )
    morning_hour = models.PositiveSmallIntegerField(
        default=6,
        db_default=6,
        validators=[MaxValueValidator(23)],
        help_text="The hour in its time zone from which its daily lists are sent",
    )
    quiet_from = models.TimeField(
        null=True,
        blank=True,
        help_text="In its time zone: SMS are sent only after the end below, except those that somebody is"
        " waiting for. Empty: no quiet hours",
    )
    quiet_until = models.TimeField(null=True, blank=True)
    strategy = models.CharField(max_length=20, choices=Strategy, default=Strategy.BEST_FIT)
    sandbox = models.BooleanField(
        default=False,
        db_default=False,
        help_text="For couriers' test keys only; no messages about it are sent",
    )
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)
    suspended_reason = models.CharField(max_length=200, blank=True, default="", editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    managers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="managed_locations", blank=True
    )

    objects = LocationQuerySet.as_manager()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(hold_days__range=(1, 30)), name="location_hold_days"),
            models.CheckConstraint(
                condition=Q(max_hold_days__gte=F("hold_days"), max_hold_days__lte=60),
                name="location_max_hold_days",
            ),
            models.CheckConstraint(condition=Q(morning_hour__lte=23), name="location_morning_hour"),
            models.CheckConstraint(
                condition=Q(reminder_hours__lte=168, reminder_last_hours__lte=72)
                & (Q(reminder_hours=0) | Q(reminder_last_hours__lt=F("reminder_hours"))),
                name="location_reminders",
                violation_error_message="The last reminder must come after the first one: enter fewer hours.",
            ),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until")),
                name="location_quiet_hours",
                violation_error_message="Quiet hours need a start and an end that differ.",
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                # A check passes when a comparison with NULL is neither true nor false.
                | Q(latitude__isnull=False, longitude__isnull=False)
                & Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="location_coordinates",
            ),
            models.CheckConstraint(
                condition=Q(suspended_at__isnull=True, suspended_reason="")
                | Q(suspended_at__isnull=False) & ~Q(suspended_reason=""),
                name="location_suspended_pair",
            ),
            models.CheckConstraint(
                condition=Q(strategy__in=AllocationStrategy.values), name="location_strategy"
            ),
        ]
        indexes = [
            models.Index(fields=["latitude", "longitude"], name="location_coordinates_idx"),
            models.Index(fields=["country", "city"], name="location_country_city_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def zone(self) -> ZoneInfo:
        """The location's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def suspended(self) -> bool:
        """Whether the location has been taken out of use for new packages."""
        return self.suspended_at is not None

    @property
    def downtime(self) -> Downtime | None:
        """The open downtime; None while packages can be picked up."""
        return self.downtimes.filter(ended_at__isnull=True).first()

    def suspend(self, *, reason: str, now: datetime) -> None:
        """Stop accepting packages; those at the location can still be picked up.

        Call `operations.suspend_location` instead, which also pauses the deadlines.
        """
        self.suspended_at = self.suspended_at or now
        self.suspended_reason = reason.strip() or "suspended"
        self.save(update_fields=["suspended_at", "suspended_reason"])

    def resume(self) -> None:
        """Accept packages again; the queue gets the free compartments first."""
        self.suspended_at, self.suspended_reason = None, ""
        self.save(update_fields=["suspended_at", "suspended_reason"])
        transaction.on_commit(wake_queue, robust=True)


class Membership(models.Model):
    """A manager's access to a location."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="memberships")
    language = models.CharField(
        max_length=5,
        choices=language_choices,
        default="en",
        db_default="en",
        help_text="The language of emails about this location",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "location"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.location}"
