"""Keys for one replay, created in the database and revoked at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import close_old_connections, transaction

from common.clock import database_now
from lockers.models import Compartment, Kiosk, Location
from packages_app.core.actor import SYSTEM
from packages_app.models import ApiKey, Courier
from packages_app.operations.keys.create_key import create_key

COURIER, KIOSK = "replay", "replay"
_LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Keys:
    """The courier's key, the kiosks' keys by location code, and the locations with room.

    Locations without room have a kiosk too if they contain a package of an earlier replay.
    """

    courier_id: int
    courier: str
    kiosks: dict[str, str]
    open_locations: list[str]
    free_doors: int


@contextmanager
def keys(run: str) -> Iterator[Keys]:
    """Create keys of a courier and kiosks called "replay", so that no other's counters change."""
    name = f"replay {run}"
    # These SMS cost nothing, and the replay expects each of them.
    defaults = {"name": "Replay", "sms_daily_cap": 1_000_000}
    courier, _ = Courier.objects.update_or_create(code=COURIER, defaults=defaults)
    try:
        yield _create(courier, name)
    finally:
        close_old_connections()  # the database may have been unavailable
        ApiKey.objects.filter(name=name).update(revoked_at=database_now())


@transaction.atomic
def _create(courier: Courier, name: str) -> Keys:
    scopes = [str(ApiKey.Scope.PACKAGES), str(ApiKey.Scope.CODES_READ)]
    free = Compartment.objects.free().filter(location__suspended_at__isnull=True, location__sandbox=False)
    open_locations = Location.objects.filter(pk__in=free.order_by().values("location"))
    leftovers = Location.objects.filter(pk__in=courier.packages.in_door().order_by().values("location"))
    locations = list(open_locations | leftovers)
    kiosks = {
        kiosk.location_id: kiosk
        for kiosk in Kiosk.objects.filter(name=KIOSK, location__in=locations).select_related("location")
    }
    new = Kiosk.objects.bulk_create(
        Kiosk(location=location, name=KIOSK) for location in locations if location.pk not in kiosks
    )
    kiosks |= {kiosk.location_id: kiosk for kiosk in new}
    # All keys or none: in this transaction.
    create = partial(create_key.work, by=SYSTEM, now=database_now(), name=name, life=_LIFE)
    return Keys(
        courier_id=courier.pk,
        courier=create(courier=courier, scopes=scopes)[1],
        kiosks={location.code: create(kiosk=kiosks[location.pk])[1] for location in locations},
        open_locations=list(open_locations.values_list("code", flat=True)),
        free_doors=free.count(),
    )
