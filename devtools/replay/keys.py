"""Keys for one replay, made in the database and revoked when it is over."""

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
    """The courier's key, the kiosks' keys by location code, and where there is room.

    There is a kiosk also at places without room where a package of an earlier replay lies.
    """

    courier_id: int
    courier: str
    kiosks: dict[str, str]
    open_locations: list[str]
    free_doors: int


@contextmanager
def keys(run: str) -> Iterator[Keys]:
    """Keys of a courier and of kiosks of their own, called "replay", so that nobody else's counters move."""
    name = f"replay {run}"
    # Nobody pays for these SMS, and each that is due is looked for.
    free = {"name": "Replay", "sms_daily_cap": 1_000_000}
    courier, _ = Courier.objects.update_or_create(code=COURIER, defaults=free)
    try:
        yield _make(courier, name)
    finally:
        close_old_connections()  # the database may have been away
        ApiKey.objects.filter(name=name).update(revoked_at=database_now())


@transaction.atomic
def _make(courier: Courier, name: str) -> Keys:
    scopes = [str(ApiKey.Scope.PACKAGES), str(ApiKey.Scope.CODES_READ)]
    free = Compartment.objects.free().filter(location__suspended_at__isnull=True, location__sandbox=False)
    open_locations = Location.objects.filter(pk__in=free.order_by().values("location"))
    left_over = Location.objects.filter(pk__in=courier.packages.in_door().order_by().values("location"))
    locations = list(open_locations | left_over)
    there = {
        kiosk.location_id: kiosk
        for kiosk in Kiosk.objects.filter(name=KIOSK, location__in=locations).select_related("location")
    }
    new = Kiosk.objects.bulk_create(
        Kiosk(location=location, name=KIOSK) for location in locations if location.pk not in there
    )
    there |= {kiosk.location_id: kiosk for kiosk in new}
    # All keys or none: in this transaction.
    make = partial(create_key.work, by=SYSTEM, now=database_now(), name=name, life=_LIFE)
    return Keys(
        courier_id=courier.pk,
        courier=make(courier=courier, scopes=scopes)[1],
        kiosks={location.code: make(kiosk=there[location.pk])[1] for location in locations},
        open_locations=list(open_locations.values_list("code", flat=True)),
        free_doors=free.count(),
    )
