"""The check of an API key: every call asks it, so it is one statement, and may carry a question along."""

from __future__ import annotations

from functools import cache

from django.conf import settings

# The check of the key is the first thing in a request, so that some of the patience is left to answer in.
_PATIENCE_SECONDS = settings.DATABASE_PATIENCE_SECONDS * 0.8

# Moments come as numbers and text: as `datetime` they would take longer to read than all the rest.
_KEY = """
SELECT key.id, key.key_id, key.digest, key.scopes, key.location_ids, key.networks,
       key.calls_per_second, key.burst, key.revoked_at IS NOT NULL AS revoked,
       date_part('epoch', key.expires_at) AS expires_at, date_part('epoch', key.last_used_at) AS last_used_at,
       (clock_timestamp() + {patience})::text AS waits_until, {owner}
WHERE {which}
"""
_COURIER = """
       courier.id AS courier_id, courier.code AS courier, courier.twin_of_id IS NOT NULL AS sandbox,
       courier.active AND coalesce(twin_of.active, true) AS active, {beside} AS beside
FROM packages_app_apikey key
JOIN packages_app_courier courier ON courier.id = key.courier_id
LEFT JOIN packages_app_courier twin_of ON twin_of.id = courier.twin_of_id
"""
_KIOSK = """
       true AS active, kiosk.id AS kiosk_id, kiosk.name AS kiosk,
       location.id AS location_id, location.code AS location, location.time_zone
FROM packages_app_apikey key
JOIN lockers_kiosk kiosk ON kiosk.id = key.kiosk_id
JOIN lockers_location location ON location.id = kiosk.location_id
"""


@cache
def by_text(*, of_kiosk: bool = False, beside: str = "") -> str:
    """Return the look-up by `key_id` and `kind`; `beside` is asked along with a courier's key."""
    answer = f"CASE WHEN key.digest = %(digest)s THEN ({beside}) END" if beside else "NULL"
    owner = _KIOSK if of_kiosk else _COURIER.format(beside=answer)
    return _look_up(owner, "key.key_id = %(key_id)s AND key.kind = %(kind)s")


@cache
def by_row() -> str:
    """Return the look-up of a kiosk's key by the `id` of its row."""
    return _look_up(_KIOSK, "key.id = %(id)s")


def _look_up(owner: str, which: str) -> str:
    return _KEY.format(owner=owner, which=which, patience=f"interval '{_PATIENCE_SECONDS} s'")
