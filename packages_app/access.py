"""Who calls, and what they may touch: the check of a key, and the actor of every operation."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from lockers.models import Kiosk, Location, LocationQuerySet
from lockers.sql import fetch
from packages_app.keys import key_text, rights
from packages_app.keys.addresses import Address, allowed
from packages_app.models import ApiKey, Courier, Package, PackageQuerySet, QueueEntry, QueueEntryQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LONGEST_LIFE = timedelta(days=365)
_USED_EVERY = timedelta(minutes=1)
# The check of the key is the first thing in a request, so that some of the patience is left to answer in.
_PATIENCE = timedelta(seconds=settings.DATABASE_PATIENCE_SECONDS * 0.8)
# Compared with when no such key exists, so that an unknown id takes as long as a wrong secret.
_NOBODY = sha256(b"nobody").digest()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as it is written into the history, and which packages exist for them.

    A courier sees the network, or only the sandbox (its test keys); of that all, or only `location_ids`.
    Who called waits for an answer `until` then, by the database's clock; None: for as long as it takes.
    """

    name: str
    courier_id: int | None = None
    location_id: int | None = None
    user: User | None = None
    sandbox: bool = False
    location_ids: frozenset[int] = frozenset()
    until: datetime | None = field(default=None, compare=False)

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


def make_key(
    *,
    courier: Courier | None = None,
    kiosk: Kiosk | None = None,
    scopes: list[str] | None = None,
    name: str = "",
    life: timedelta = LONGEST_LIFE,
    test: bool = False,
    made_by: str = "",
    location_ids: Sequence[int] = (),
    networks: Sequence[str] = (),
    calls_per_second: int | None = None,
    burst: int | None = None,
    replaces: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which exists nowhere else. Raises `ValueError` for a life over 365 days.

    A `test` key belongs to the courier's twin in the sandbox. Without `location_ids` it sees every location
    of its world, without `networks` it may be used from anywhere. `calls_per_second` and `burst` (five times
    as many, if not given) are its own rate limit, where that of `RATE_LIMIT_KEY` will not do.
    """
    if life > LONGEST_LIFE:
        raise ValueError("A key lives for 365 days at the most.")
    if courier is not None and (test or courier.is_twin):
        courier, test = courier.in_sandbox(), True
    kind = ApiKey.Kind.KIOSK if kiosk else ApiKey.Kind.TEST if test else ApiKey.Kind.LIVE
    key_id, body = key_text.new(kind)
    key = ApiKey.objects.create(
        key_id=key_id,
        digest=sha256(body.encode()).digest(),
        kind=kind,
        courier=courier,
        kiosk=kiosk,
        name=name,
        scopes=scopes or [ApiKey.Scope.PICKUP if kiosk else ApiKey.Scope.PACKAGES],
        expires_at=timezone.now() + life,
        made_by=made_by,
        location_ids=list(location_ids),
        networks=list(networks),
        calls_per_second=calls_per_second,
        burst=(burst or usual_burst(calls_per_second)) if calls_per_second is not None else None,
        replaces=replaces,
    )
    return key, f"{body}_{key_text.checksum(body)}"


def limit(key: ApiKey, *, calls_per_second: int | None, burst: int | None = None) -> None:
    """The key's own rate limit from the next call on; None for that of all keys. `burst` as in `make_key`."""
    key.calls_per_second = calls_per_second
    key.burst = (burst or usual_burst(calls_per_second)) if calls_per_second is not None else None
    key.save(update_fields=["calls_per_second", "burst"])


def usual_burst(calls_per_second: int) -> int:
    """How many calls at once go with so many a second, where nobody has said it."""
    return calls_per_second * 5


def revoke(key: ApiKey, *, now: datetime) -> None:
    """The key opens nothing from the next request on."""
    key.revoked_at = key.revoked_at or now
    key.save(update_fields=["revoked_at"])


# As SQL, because every call of the API asks it: see `lockers/sql.py`.
_KEY = """
SELECT key.id, key.key_id, key.digest, key.scopes, key.expires_at, key.revoked_at, key.last_used_at,
       clock_timestamp() AS asked_at, key.location_ids, key.networks, key.calls_per_second, key.burst,
       courier.id AS courier_id, courier.code AS courier,
       courier.active AND coalesce(twin_of.active, true) AS active, twin_of.id IS NOT NULL AS sandbox,
       kiosk.id AS kiosk_id, kiosk.name AS kiosk,
       location.id AS location_id, location.code AS location, location.time_zone
FROM packages_app_apikey key
LEFT JOIN packages_app_courier courier ON courier.id = key.courier_id
LEFT JOIN packages_app_courier twin_of ON twin_of.id = courier.twin_of_id
LEFT JOIN lockers_kiosk kiosk ON kiosk.id = key.kiosk_id
LEFT JOIN lockers_location location ON location.id = kiosk.location_id
"""
_KEY_BY_PUBLIC_PART = _KEY + "WHERE key.key_id = %(key_id)s AND key.kind = %(kind)s"
_KEY_BY_ROW = _KEY + "WHERE key.id = %(id)s"


Whence = Callable[[], Address | None]


def nowhere() -> None:
    """The address of a caller whom nobody has asked: good for keys that may be used from anywhere."""
    return


def verify(text: str, *, now: datetime, whence: Whence = nowhere) -> tuple[Caller | None, str]:
    """The caller that this key text belongs to, or None with the reason (for the log, not the answer).

    `whence` gives the address that the call comes from; asked only for a key with networks.
    """
    parts = text.split("_")
    if len(parts) != 5 or parts[0] != "plk" or len(text) > 100 or not text.isascii() or "\x00" in text:
        return None, "malformed"
    body, checksum = text.rsplit("_", 1)
    if not hmac.compare_digest(checksum, key_text.checksum(body)):
        return None, "bad checksum"
    rows = fetch(_KEY_BY_PUBLIC_PART, {"key_id": parts[2], "kind": parts[1]})
    digest = sha256(body.encode()).digest()
    if not hmac.compare_digest(digest, rows[0].digest if rows else _NOBODY) or not rows:
        return None, "unknown"
    why = _refused(rows[0], now, whence)
    if why:
        return None, f"{why} {rows[0].key_id}"
    _note_use(rows[0], now)
    return _caller(rows[0]), ""


def caller_of(key_pk: int, *, now: datetime, whence: Whence = nowhere) -> Caller | None:
    """The caller of a key that was verified before (a connected kiosk screen); None once it opens nothing."""
    rows = fetch(_KEY_BY_ROW, {"id": key_pk})
    if not rows or _refused(rows[0], now, whence):
        return None
    _note_use(rows[0], now)
    return _caller(rows[0])


def _refused(key: Any, now: datetime, whence: Whence) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at <= now:
        return "expired"
    if key.courier_id is not None and not key.active:
        return "courier inactive"
    if key.networks and not allowed(whence(), key.networks):
        return "wrong network"
    return ""


def _caller(key: Any) -> Caller:
    until = key.asked_at + _PATIENCE
    if key.kiosk_id is not None:
        return Caller(
            key_id=key.id,
            actor=Actor(name=f"kiosk:{key.location}/{key.kiosk}", location_id=key.location_id, until=until),
            scopes=rights.KIOSK_SCOPES.intersection(key.scopes),
            kiosk_id=key.kiosk_id,
            location_id=key.location_id,
            time_zone=key.time_zone,
            limit=_limit(key),
        )
    return Caller(
        key_id=key.id,
        actor=Actor(
            name=f"courier:{key.courier}",
            courier_id=key.courier_id,
            sandbox=key.sandbox,
            location_ids=frozenset(key.location_ids),
            until=until,
        ),
        scopes=rights.COURIER_SCOPES.intersection(key.scopes),
        limit=_limit(key),
    )


def _limit(key: Any) -> tuple[float, int] | None:
    return (key.calls_per_second, key.burst) if key.calls_per_second is not None else None


def _note_use(key: Any, now: datetime) -> None:
    """At most one write a minute: the row of a busy courier's key would become the bottleneck."""
    stale = now - _USED_EVERY
    if key.last_used_at is None or key.last_used_at < stale:
        ApiKey.objects.filter(pk=key.id).exclude(last_used_at__gte=stale).update(last_used_at=now)
