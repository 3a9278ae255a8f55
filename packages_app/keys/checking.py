"""Check an API key, and find its owner and rights."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from common.sql import ExtraQuery, fetch
from packages_app.core.actor import Actor, Caller
from packages_app.keys import key_text, rights
from packages_app.keys.addresses import Address, allowed
from packages_app.models import ApiKey
from packages_app.sql import api_keys

_USED_EVERY = timedelta(minutes=1)
# Compared with when no such key exists, so that an unknown id takes as long as a wrong secret.
_NOBODY = sha256(b"nobody").digest()

ClientAddress = Callable[[], Address | None]


def unknown_address() -> None:
    """Return no address: enough for keys that may be used from anywhere."""
    return


def verify(
    text: str,
    *,
    now: datetime,
    client_address: ClientAddress = unknown_address,
    extra_query: ExtraQuery | None = None,
) -> tuple[Caller | None, str]:
    """Return the caller that this key text belongs to, or None and the reason (for the log, not the answer).

    `client_address` is called only for a key that is bound to networks. `extra_query` is run in the same
    round trip, which is most of what a read costs, if the key is a courier's; its one value is in
    `Caller.extra_answer`. None of its parameters may be named `key_id`, `kind` or `digest`.
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
    sql = api_keys.by_text(of_kiosk=of_kiosk, beside=extra_query.sql if extra_query else "")
    more = extra_query.params if extra_query else {}
    rows = fetch(sql, {"key_id": key_id, "kind": kind, "digest": digest, **more})
    if not hmac.compare_digest(digest, rows[0].digest if rows else _NOBODY) or not rows:
        return None, "unknown"
    why = _refused(rows[0], now, client_address)
    if why:
        return None, f"{why} {key_id}"
    _note_use(rows[0], now)
    return (_kiosk if of_kiosk else _courier)(rows[0]), ""


def caller_of(
    key_pk: int, *, now: datetime, client_address: ClientAddress = unknown_address
) -> Caller | None:
    """Return the caller of a kiosk's key that was verified before (of a connected kiosk).

    None for any other key, and for one that is expired, revoked or used from another network.
    """
    rows = fetch(api_keys.by_row(), {"id": key_pk})
    if not rows or _refused(rows[0], now, client_address):
        return None
    _note_use(rows[0], now)
    return _kiosk(rows[0])


def _refused(key: Any, now: datetime, client_address: ClientAddress) -> str:
    if key.revoked:
        return "revoked"
    if key.expires_at <= now.timestamp():
        return "expired"
    if not key.active:
        return "courier inactive"
    if key.networks and not allowed(client_address(), key.networks):
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
        extra_answer=key.beside,
        limit=_limit(key),
    )


def _limit(key: Any) -> tuple[float, int] | None:
    return (key.calls_per_second, key.burst) if key.calls_per_second is not None else None


def _note_use(key: Any, now: datetime) -> None:
    """Record the use at most once a minute, or the row of a busy courier's key would be the bottleneck."""
    stale = now - _USED_EVERY
    if key.last_used_at is None or key.last_used_at < stale.timestamp():
        ApiKey.objects.filter(pk=key.id).exclude(last_used_at__gte=stale).update(last_used_at=now)
