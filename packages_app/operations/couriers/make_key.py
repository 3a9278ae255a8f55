"""Keys for couriers and kiosks: made, limited and revoked. What staff and commands do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.utils import timezone

from lockers.models import Kiosk
from packages_app.keys import key_text
from packages_app.models import ApiKey, Courier

LONGEST_LIFE = timedelta(days=365)


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
