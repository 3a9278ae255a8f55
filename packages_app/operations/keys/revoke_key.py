"""Revoke an API key."""

from __future__ import annotations

from datetime import datetime

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import ApiKey


@Operation
def revoke_key(*, key_pk: int, by: Actor, now: datetime) -> ApiKey:
    """Revoke the key: the next call with it is refused. A repeat changes nothing."""
    key = ApiKey.objects.select_for_update(of=("self",), no_key=True).get(pk=key_pk)
    key.revoked_at = key.revoked_at or now
    key.save(update_fields=["revoked_at"])
    return key
