"""Create an API key for a courier or a kiosk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from lockers.models import Kiosk
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.keys import key_text
from packages_app.keys.rights import LONGEST_LIFE, own_limit
from packages_app.models import ApiKey, Courier


@Operation
def create_key(
    *,
    by: Actor,
    now: datetime,
    courier: Courier | None = None,
    kiosk: Kiosk | None = None,
    scopes: list[str] | None = None,
    name: str = "",
    life: timedelta = LONGEST_LIFE,
    test: bool = False,
    location_ids: Sequence[int] = (),
    networks: Sequence[str] = (),
    calls_per_second: int | None = None,
    burst: int | None = None,
    replaces: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    """Create a key for a courier or a kiosk; return it and its text, which is stored nowhere.

    A `test` key belongs to the courier's twin in the sandbox. Without `location_ids` a key sees every
    location of its world; without `networks` it may be used from anywhere. `calls_per_second` and `burst`
    (five times as many by default) are its own rate limit, in place of `RATE_LIMIT_KEY`.
    Raises `ValueError` for a life over 365 days.
    """
    if life > LONGEST_LIFE:
        raise ValueError("A key lives for 365 days at the most.")
    if courier is not None and (test or courier.is_twin):
        courier, test = courier.in_sandbox(), True
    kind = ApiKey.Kind.KIOSK if kiosk else ApiKey.Kind.TEST if test else ApiKey.Kind.LIVE
    key_id, body = key_text.new(kind)
    calls_per_second, burst = own_limit(calls_per_second, burst)
    key = ApiKey.objects.create(
        key_id=key_id,
        digest=sha256(body.encode()).digest(),
        kind=kind,
        courier=courier,
        kiosk=kiosk,
        name=name,
        scopes=scopes or [ApiKey.Scope.PICKUP if kiosk else ApiKey.Scope.PACKAGES],
        expires_at=now + life,
        made_by=by.name,
        location_ids=list(location_ids),
        networks=list(networks),
        calls_per_second=calls_per_second,
        burst=burst,
        replaces=replaces,
    )
    return key, f"{body}_{key_text.checksum(body)}"
