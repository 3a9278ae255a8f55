"""The caller of an operation, and the objects that it may access."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from common import actor
from lockers.models import Location, LocationQuerySet
from packages_app.models import ApiKey, Package, PackageQuerySet, QueueEntry, QueueEntryQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class Actor(actor.Actor):
    """The author of a change, and which packages exist for them.

    A courier sees the network, or only the sandbox (with a test key); either all of it, or `location_ids`
    alone. A kiosk sees its location, whose calendar day is that of `time_zone`; a user their locations.
    `until`: when the caller stops waiting for an answer, by the database's clock and in its notation; None
    for a caller that waits as long as it takes.
    """

    courier_id: int | None = None
    kiosk_id: int | None = None
    location_id: int | None = None
    time_zone: str = "UTC"
    user: User | None = None
    sandbox: bool = False
    location_ids: frozenset[int] = frozenset()
    until: str | None = field(default=None, compare=False)

    def packages(self) -> PackageQuerySet:
        """Return the packages that this actor may access; any other id does not exist for them."""
        if self.courier_id is not None:
            packages = Package.objects.for_courier(self.courier_id)
            return packages.filter(location_id__in=self.location_ids) if self.location_ids else packages
        if self.location_id is not None:
            return Package.objects.filter(location_id=self.location_id)
        if self.user is not None:
            return Package.objects.for_user(self.user)
        return Package.objects.all()

    def queue_entries(self) -> QueueEntryQuerySet:
        """Return the queue entries that this actor may access; any other id does not exist for them."""
        entries = QueueEntry.objects.all()
        if self.courier_id is not None:
            entries = entries.filter(courier_id=self.courier_id)
            return entries.filter(location_id__in=self.location_ids) if self.location_ids else entries
        if self.location_id is not None:
            return entries.filter(location_id=self.location_id)
        return entries if self.user is None else entries.for_user(self.user)

    def locations(self) -> LocationQuerySet:
        """Return the locations that exist for a courier's key."""
        locations = Location.objects.filter(sandbox=self.sandbox)
        return locations.filter(pk__in=self.location_ids) if self.location_ids else locations

    def sees(self, location_id: int, *, sandbox: bool) -> bool:
        """Return whether this is one of `locations`, where its row has been read already."""
        return sandbox == self.sandbox and (not self.location_ids or location_id in self.location_ids)

    @classmethod
    def of_user(cls, user: User) -> Actor:
        """Return a location manager (their own locations) or a member of staff (all locations)."""
        return cls(name=actor.user_name(user), user=user)


SYSTEM = Actor(name=actor.SYSTEM.name)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified API key: its owner and its scopes."""

    key_id: int
    actor: Actor
    scopes: frozenset[str]
    extra_answer: str | None = None  # of the query combined with the look-up, see `keys.checking.verify`
    limit: tuple[float, int] | None = None  # the key's own calls per second and burst, if it has any

    @property
    def kiosk_id(self) -> int | None:
        """The kiosk whose key it is."""
        return self.actor.kiosk_id

    @property
    def location_id(self) -> int | None:
        """The location of the kiosk whose key it is."""
        return self.actor.location_id

    def locations(self) -> LocationQuerySet:
        """Return a kiosk's own location; for a courier the network, or the locations its key is bound to."""
        if self.location_id is not None:
            return Location.objects.filter(pk=self.location_id)
        return self.actor.locations()

    @property
    def sees_network(self) -> bool:
        """Whether `locations` is the whole network, without the sandbox."""
        return self.location_id is None and not self.actor.sandbox and not self.actor.location_ids

    @property
    def reads_codes(self) -> bool:
        """Whether answers to this key show pickup codes."""
        return ApiKey.Scope.CODES_READ in self.scopes
