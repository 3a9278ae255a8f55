"""Who calls, and what they may touch: the actor of every operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lockers.models import Location, LocationQuerySet
from packages_app.models import ApiKey, Package, PackageQuerySet, QueueEntry, QueueEntryQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as it is written into the history, and which packages exist for them.

    A courier sees the network, or only the sandbox (its test keys); of that all, or only `location_ids`.
    Who called waits for an answer `until` then, by the database's clock and as it writes a moment; None: for
    as long as it takes.
    """

    name: str
    courier_id: int | None = None
    location_id: int | None = None
    user: User | None = None
    sandbox: bool = False
    location_ids: frozenset[int] = frozenset()
    until: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.name

    def packages(self) -> PackageQuerySet:
        """The packages this actor may touch; any other id does not exist for them."""
        if self.courier_id is not None:
            packages = Package.objects.for_courier(self.courier_id)
            return packages.filter(location_id__in=self.location_ids) if self.location_ids else packages
        if self.location_id is not None:
            return Package.objects.filter(location_id=self.location_id)
        if self.user is not None:
            return Package.objects.for_user(self.user)
        return Package.objects.all()

    def queue_entries(self) -> QueueEntryQuerySet:
        """Whom this actor may see waiting for a door; any other id does not exist for them."""
        entries = QueueEntry.objects.all()
        if self.courier_id is not None:
            entries = entries.filter(courier_id=self.courier_id)
            return entries.filter(location_id__in=self.location_ids) if self.location_ids else entries
        if self.location_id is not None:
            return entries.filter(location_id=self.location_id)
        return entries if self.user is None else entries.for_user(self.user)

    def locations(self) -> LocationQuerySet:
        """The locations that exist for a courier's key."""
        locations = Location.objects.filter(sandbox=self.sandbox)
        return locations.filter(pk__in=self.location_ids) if self.location_ids else locations

    def sees(self, location_id: int, *, sandbox: bool) -> bool:
        """Whether this is one of `locations`, for who has read the row already."""
        return sandbox == self.sandbox and (not self.location_ids or location_id in self.location_ids)

    @classmethod
    def of_user(cls, user: User) -> Actor:
        """A manager (their own locations) or staff (all of them)."""
        return cls(name=f"{'staff' if user.is_staff else 'manager'}:{user.get_username()}", user=user)


SYSTEM = Actor(name="system")


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified API key: its owner and its rights."""

    key_id: int
    actor: Actor
    scopes: frozenset[str]
    kiosk_id: int | None = None
    location_id: int | None = None
    time_zone: str = "UTC"
    beside: str | None = None  # what was asked for along with the key, see `keys.checking.verify`
    limit: tuple[float, int] | None = None  # calls a second and at once, where the key has its own figures

    def locations(self) -> LocationQuerySet:
        """A kiosk's own location; for a courier all of the network, or those that its key is made for."""
        if self.location_id is not None:
            return Location.objects.filter(pk=self.location_id)
        return self.actor.locations()

    @property
    def sees_network(self) -> bool:
        """Whether `locations` are all that there are, but for the sandbox."""
        return self.location_id is None and not self.actor.sandbox and not self.actor.location_ids

    @property
    def reads_codes(self) -> bool:
        """Whether answers to this key show pickup codes."""
        return ApiKey.Scope.CODES_READ in self.scopes
