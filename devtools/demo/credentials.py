"""Passwords and API keys of the sample network, in a private file where the next run finds them again."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from devtools.demo import network
from devtools.private_file import write_private
from lockers.models import Kiosk
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.keys import checking
from packages_app.models import ApiKey, Courier

_MAKER = Actor(name="seed_demo")
PACKAGES, CODES_READ = ApiKey.Scope.PACKAGES, ApiKey.Scope.CODES_READ


def ensure(file: Path, *, now: datetime) -> tuple[dict[str, Any], bool]:
    """Return credentials that work, and whether any of them is new.

    Credentials in `file` that still work are kept; the others are created, and `file` is written again.
    """
    known = _read(file)
    first, second = (Courier.objects.get(code=code) for code in network.COURIERS)
    kept = known.get("kiosk_keys")
    kiosks: dict[str, Any] = kept if isinstance(kept, dict) else {}
    working: dict[str, Any] = {
        "staff": _user("staff", known.get("staff"), staff=True),
        "manager": _user("manager", known.get("manager"), staff=False),
        "courier_key": _key(known.get("courier_key"), first, [PACKAGES], now),
        "courier_key_codes": _key(known.get("courier_key_codes"), first, [PACKAGES, CODES_READ], now),
        "second_courier_key": _key(known.get("second_courier_key"), second, [PACKAGES], now),
        "kiosk_keys": {
            sample.code: _key(kiosks.get(sample.code), network.kiosk(sample.code), [ApiKey.Scope.PICKUP], now)
            for sample in network.LOCATIONS
        },
        "sixty_door_location": network.SIXTY_DOORS,
        "courier_test_key": _key(
            known.get("courier_test_key"), first.in_sandbox(), [PACKAGES, CODES_READ], now
        ),
        "sandbox_location": network.SANDBOX,
        "sandbox_kiosk_key": _key(
            known.get("sandbox_kiosk_key"), network.kiosk(network.SANDBOX), [ApiKey.Scope.PICKUP], now
        ),
    }
    if working == known:
        return working, False
    write_private(file, json.dumps(working, indent=2) + "\n")
    return working, True


def _user(username: str, known: object, *, staff: bool) -> dict[str, str]:
    user, _ = User.objects.get_or_create(
        username=username,
        defaults={"email": network.email(username), "is_staff": staff, "is_superuser": staff},
    )
    if isinstance(known, dict) and known.get("username") == username:
        password = known.get("password")
        if isinstance(password, str) and user.check_password(password):
            return {"username": username, "password": password}
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    return {"username": username, "password": password}


def _key(known: object, owner: Courier | Kiosk, scopes: list[ApiKey.Scope], now: datetime) -> str:
    """Return a working key of this owner with exactly these scopes, and revoke the one that it replaces."""
    if isinstance(known, str) and _belongs(known, owner, scopes, now):
        return known
    name = f"sample: {' '.join(scopes)}"
    for old in owner.keys.filter(name=name, revoked_at__isnull=True):
        operations.revoke_key(key_pk=old.pk, by=_MAKER, now=now)
    holder = {"courier": owner} if isinstance(owner, Courier) else {"kiosk": owner}
    scope_names = [str(scope) for scope in scopes]
    return operations.create_key(by=_MAKER, now=now, scopes=scope_names, name=name, **holder)[1]


def _belongs(text: str, owner: Courier | Kiosk, scopes: list[ApiKey.Scope], now: datetime) -> bool:
    caller, _ = checking.verify(text, now=now)
    if caller is None or caller.scopes != set(scopes):
        return False
    return owner.pk == (caller.actor.courier_id if isinstance(owner, Courier) else caller.kiosk_id)


def _read(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
