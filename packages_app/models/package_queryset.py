"""Queries for packages: by owner, by location, by what is due."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import OuterRef
from django.db.models.functions import Coalesce

from lockers.models import Compartment
from packages_app import errors
from packages_app.life.lifecycle import Status
from packages_app.secrets import pickup_codes

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from packages_app.models.package import Package


class PackageQuerySet(models.QuerySet["Package"]):
    """Queries for packages."""

    def for_courier(self, courier_id: int) -> PackageQuerySet:
        """Filter a courier's own packages."""
        return self.filter(courier_id=courier_id)

    def for_user(self, user: User) -> PackageQuerySet:
        """Filter the packages at locations that this user manages; staff get all of them."""
        return self if user.is_staff else self.filter(location__memberships__user=user)

    def shown(self) -> PackageQuerySet:
        """Load with each package what an answer of the API shows."""
        return self.select_related("location", "compartment__locker").prefetch_related("delegates")

    def in_door(self) -> PackageQuerySet:
        """Filter the packages that occupy a compartment."""
        return self.filter(released_at__isnull=True)

    def of_number(self, courier_id: int | OuterRef, tracking_number: str | OuterRef) -> PackageQuerySet:
        """Filter the package of this courier and tracking number that occupies a compartment: one at most."""
        return self.in_door().filter(courier_id=courier_id, tracking_number=tracking_number)

    def refuse_duplicate(self, courier_id: int, tracking_number: str) -> None:
        """Raise `DuplicateTrackingNumber` if the courier's tracking number already occupies a compartment."""
        package_id = self.of_number(courier_id, tracking_number).values_list("pk", flat=True).first()
        if package_id is not None:
            raise errors.DuplicateTrackingNumber(package_id=str(package_id))

    def to_return(self) -> PackageQuerySet:
        """Filter the packages to be taken out by courier or manager, oldest first."""
        return (
            self.in_door().filter(status__in=[Status.EXPIRED, Status.CANCELLED]).order_by("expires_at", "id")
        )

    def overdue_for_return(self, *, since: datetime) -> PackageQuerySet:
        """Filter those to be taken out since `since` or earlier; `waits_since` says since when each waits."""
        waiting = self.to_return().annotate(waits_since=Coalesce("cancelled_at", "expires_at"))
        return waiting.filter(waits_since__lte=since).order_by("waits_since", "id")

    def unused_code(self, package_id: uuid.UUID, location_id: int, *, version: int) -> pickup_codes.Issued:
        """Return a code from `version` on that no other package at the location has, under any secret."""
        others = self.model.objects.filter(location_id=location_id).exclude(pk=package_id)
        return pickup_codes.issue_unused(
            package_id,
            location_id,
            version=version,
            taken=lambda macs: others.filter(code_mac__in=macs).exists(),
        )

    def lock(self, package_id: uuid.UUID) -> Package:
        """Lock the row until the transaction ends; the compartment is locked after it, never before.

        Raises `UnknownPackage` for an id that does not exist in this set.
        """
        # Joined is only what never changes: a row that changes while we wait for its lock is joined again to
        # the rows of before the wait, and a package that moved to another door would not be found at all.
        packages = self.select_related("location", "courier", "recipient")
        try:
            package = packages.select_for_update(of=("self",), no_key=True).get(pk=package_id)
        except self.model.DoesNotExist:
            raise errors.UnknownPackage from None
        package.compartment = Compartment.objects.select_related("locker").get(pk=package.compartment_id)
        return package
