"""Pickup codes: eight digits, computed and never stored.

The digits come from an HMAC of the package and a version counter, so a reminder can show the code again
and a lost code is a new version. A code is looked up by an HMAC of location and code. Whoever reads the
database without PICKUP_CODE_SECRETS can compute neither.

Why eight digits: with A wrong tries a day the risk of one package is A / 10^digits a day. Sixty tries a
day make that 6e-5 with six digits and 6e-7 with eight.

Somebody else who may collect has a code of nine digits: it can never be another package's own code.
"""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from django.conf import settings

DIGITS = 8
DELEGATE_DIGITS = 9
# Which the recipient may type between the groups, as the message shows them: 4821 7730.
_SEPARATORS = re.compile(r"[\s\u00a0-]")


@dataclass(frozen=True, slots=True)
class Issued:
    """What a row keeps of its code: enough to compute it, and to be found by it."""

    version: int
    secret_id: int
    mac: bytes


def issue(owner_id: uuid.UUID, location_id: int, *, version: int = 1, length: int = DIGITS) -> Issued:
    """The first code from `version` on that is not trivial, under the newest secret.

    `owner_id` is the package's, or with `DELEGATE_DIGITS` the delegate's. It may still collide with
    another code at the location: the unique constraint tells, and the caller takes the next version.
    """
    secret_id = max(settings.PICKUP_CODE_SECRETS)
    while _trivial(digits := compute(owner_id, version, secret_id, length)):
        version += 1
    return Issued(version, secret_id, _mac(location_id, digits, secret_id))


def issue_unused(
    owner_id: uuid.UUID,
    location_id: int,
    *,
    version: int,
    taken: Callable[[list[bytes]], bool],
    length: int = DIGITS,
) -> Issued:
    """The first code from `version` on that nobody else has: `taken` says so of what `macs` gives for it."""
    while True:
        code = issue(owner_id, location_id, version=version, length=length)
        if not taken(macs(location_id, compute(owner_id, code.version, code.secret_id, length))):
            return code
        version = code.version + 1


def compute(owner_id: uuid.UUID, version: int, secret_id: int, length: int = DIGITS) -> str:
    """The digits of this version. Raises `KeyError` when the secret was removed from the settings."""
    digest = _hmac(secret_id, b"digits", owner_id.bytes, version.to_bytes(4, "big"))
    return f"{int.from_bytes(digest[:8], 'big') % 10**length:0{length}d}"


def computable(secret_id: int) -> bool:
    """Whether codes made with this secret can still be told: a secret may have been taken away too early."""
    return secret_id in settings.PICKUP_CODE_SECRETS


def shown(digits: str) -> str:
    """As people read it: `4821 7730`, or `482 177 309`."""
    if len(digits) == DELEGATE_DIGITS:
        return f"{digits[:3]} {digits[3:6]} {digits[6:]}"
    return f"{digits[:4]} {digits[4:]}"


def clean(typed: str) -> str | None:
    """The digits in what somebody typed, or None when they can be no code."""
    digits = _SEPARATORS.sub("", typed)
    fits = len(digits) in (DIGITS, DELEGATE_DIGITS)
    return digits if fits and digits.isascii() and digits.isdigit() else None


def macs(location_id: int, digits: str) -> list[bytes]:
    """What the row with this code at this location has as its `code_mac`, one for each secret in use."""
    return [_mac(location_id, digits, secret_id) for secret_id in settings.PICKUP_CODE_SECRETS]


def receipt(location_id: int, digits: str, nonce: str) -> bytes:
    """Proof that a pickup came with this code and nonce, for recognising the kiosk's repeat."""
    secret_id = min(settings.PICKUP_CODE_SECRETS)
    return _hmac(secret_id, b"receipt", str(location_id).encode(), digits.encode(), nonce.encode())


def _mac(location_id: int, digits: str, secret_id: int) -> bytes:
    return _hmac(secret_id, b"lookup", str(location_id).encode(), digits.encode())


def _hmac(secret_id: int, *parts: bytes) -> bytes:
    return hmac.digest(settings.PICKUP_CODE_SECRETS[secret_id], b"\x1f".join(parts), sha256)


def _trivial(digits: str) -> bool:
    """All equal, a run up or down, or one part repeated: what somebody would try first."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    repeated = digits in (digits[:2] * 4, digits[:4] * 2, digits[:3] * 3)
    return (len(steps) == 1 and steps <= {0, 1, 9}) or repeated
