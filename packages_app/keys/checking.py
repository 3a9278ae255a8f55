"""Whether a key opens the API, and to whom it belongs.

As SQL, because every call asks it: see `common/sql.py`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from django.conf import settings

from common.sql import Question, fetch
from packages_app.core.actor import Actor, Caller
from packages_app.keys import key_text, rights
from packages_app.keys.addresses import Address, allowed
from packages_app.models import ApiKey

_USED_EVERY = timedelta(minutes=1)
# The check of the key is the first thing in a request, so that some of the patience is left to answer in.
_PATIENCE_SECONDS = settings.DATABASE_PATIENCE_SECONDS * 0.8
# Compared with when no such key exists, so that an unknown id takes as long as a wrong secret.
_NOBODY = sha256(b"nobody").digest()

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

Whence = Callable[[], Address | None]


def nowhere() -> None:
    """The address of a caller whom nobody has asked: good for keys that may be used from anywhere."""
    return


def verify(
    text: str, *, now: datetime, whence: Whence = nowhere, beside: Question | None = None
) -> tuple[Caller | None, str]:
    """The caller that this key text belongs to, or None with the reason (for the log, not the answer).

    `whence` gives the address that the call comes from; asked only for a key with networks. A round trip is
    most of what a read costs: `beside` is asked for in the same one, if the key is a courier's, and its
    answer stands in `Caller.beside`. It is one value; none of its parameters is called `key_id`, `kind` or
    `digest`.
    """
    parts = text.split("_")
    if len(parts) != 5 or parts[0] != "plk" or len(text) > 100 or not text.isascii() or "\x00" in text:
        return None, "malformed"
    body, checksum = text.rsplit("_", 1)
    if not hmac.compare_digest(checksum, key_text.checksum(body)):
        return None, "bad checksum"
    kind, key_id = parts[1], parts[2]
    of_kiosk = kind == ApiKey.Kind.KIOSK
    digest = sha256(body.encode()).digest()
    sql = _by_text(of_kiosk=of_kiosk, beside=beside.sql if beside else "")
    more = beside.params if beside else {}
    rows = fetch(sql, {"key_id": key_id, "kind": kind, "digest": digest, **more})
    if not hmac.compare_digest(digest, rows[0].digest if rows else _NOBODY) or not rows:
        return None, "unknown"
    why = _refused(rows[0], now, whence)
    if why:
        return None, f"{why} {key_id}"
    _note_use(rows[0], now)
    return (_kiosk if of_kiosk else _courier)(rows[0]), ""


def caller_of(key_pk: int, *, now: datetime, whence: Whence = nowhere) -> Caller | None:
    """The caller of a kiosk's key that was verified before (a connected screen).

    None for any other key, and once it opens nothing.
    """
    rows = fetch(_by_row(), {"id": key_pk})
    if not rows or _refused(rows[0], now, whence):
        return None
    _note_use(rows[0], now)
    return _kiosk(rows[0])


@cache
def _by_text(*, of_kiosk: bool = False, beside: str = "") -> str:
    answer = f"CASE WHEN key.digest = %(digest)s THEN ({beside}) END" if beside else "NULL"
    owner = _KIOSK if of_kiosk else _COURIER.format(beside=answer)
    return _look_up(owner, "key.key_id = %(key_id)s AND key.kind = %(kind)s")


@cache
def _by_row() -> str:
    return _look_up(_KIOSK, "key.id = %(id)s")


def _look_up(owner: str, which: str) -> str:
    return _KEY.format(owner=owner, which=which, patience=f"interval '{_PATIENCE_SECONDS} s'")


def _refused(key: Any, now: datetime, whence: Whence) -> str:
    if key.revoked:
        return "revoked"
    if key.expires_at <= now.timestamp():
        return "expired"
    if not key.active:
        return "courier inactive"
    if key.networks and not allowed(whence(), key.networks):
        return "wrong network"
    return ""


def _kiosk(key: Any) -> Caller:
    return Caller(
        key_id=key.id,
        actor=Actor(
            name=f"kiosk:{key.location}/{key.kiosk}",
            kiosk_id=key.kiosk_id,
            location_id=key.location_id,
            time_zone=key.time_zone,
            until=key.waits_until,
        ),
        scopes=rights.KIOSK_SCOPES.intersection(key.scopes),
        limit=_limit(key),
    )


def _courier(key: Any) -> Caller:
    return Caller(
        key_id=key.id,
        actor=Actor(
            name=f"courier:{key.courier}",
            courier_id=key.courier_id,
            sandbox=key.sandbox,
            location_ids=frozenset(key.location_ids),
            until=key.waits_until,
        ),
        scopes=rights.COURIER_SCOPES.intersection(key.scopes),
        beside=key.beside,
        limit=_limit(key),
    )


def _limit(key: Any) -> tuple[float, int] | None:
    return (key.calls_per_second, key.burst) if key.calls_per_second is not None else None


def _note_use(key: Any, now: datetime) -> None:
    """At most one write a minute: the row of a busy courier's key would become the bottleneck."""
    stale = now - _USED_EVERY
    if key.last_used_at is None or key.last_used_at < stale.timestamp():
        ApiKey.objects.filter(pk=key.id).exclude(last_used_at__gte=stale).update(last_used_at=now)
