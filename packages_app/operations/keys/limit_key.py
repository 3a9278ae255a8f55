"""Give an API key a rate limit of its own, or take it away."""

from __future__ import annotations

from datetime import datetime

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.keys.rights import own_limit
from packages_app.models import ApiKey


@Operation
def limit_key(
    *, key_pk: int, by: Actor, now: datetime, calls_per_second: int | None, burst: int | None = None
) -> ApiKey:
    """Set the key's own rate limit from the next call on; None for that of all keys.

    `burst` is five times `calls_per_second` by default.
    """
    key = ApiKey.objects.select_for_update(of=("self",), no_key=True).get(pk=key_pk)
    key.calls_per_second, key.burst = own_limit(calls_per_second, burst)
    key.save(update_fields=["calls_per_second", "burst"])
    return key
