"""Pickup codes: computed and never stored.

The digits come from an HMAC of the package and a version counter, so a reminder can show the code again
and a lost code is a new version. A code is looked up by an HMAC of location and code. Whoever reads the
database without PICKUP_CODE_SECRETS can compute neither.

Why eight digits: with A wrong tries a day the risk of one package is A / 10^digits a day. Sixty tries a
day make that 6e-5 with six digits and 6e-7 with eight. The number of digits belongs to the secret, like
everything else that a code is computed from: a secret with another number makes new codes, and those that
wait stay as they are (docs/how-to/change-the-code-length.md).

A delegate has a code of nine digits: it can never be another package's own code.
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

# Of the secrets that name no other number in PICKUP_CODE_SECRETS. To change this would change every code that
# waits.
DEFAULT_DIGITS = 8
DELEGATE_DIGITS = 9  # more than any package's own code has
# Which the recipient may type between the groups, as the message shows them: 4821 7730.
_SEPARATORS = re.compile(r"[\s\u00a0-]")


@dataclass(frozen=True, slots=True)
class Issued:
    """What a row keeps of its code: enough to compute it, and to be found by it."""

    version: int
    secret_id: int
    mac: bytes

    @property
    def columns(self) -> dict[str, int | bytes]:
        """The columns of a package or a delegate that keep it."""
        return {"code_version": self.version, "code_secret": self.secret_id, "code_mac": self.mac}


def newest() -> int:
    """Return the id of the secret under which new codes are made."""
    return max(settings.PICKUP_CODE_SECRETS)


def digits_of(secret_id: int) -> int:
    """Return how many digits a package's own code has under this secret."""
    return settings.PICKUP_CODE_DIGITS.get(secret_id, DEFAULT_DIGITS)


def issue(owner_id: uuid.UUID, location_id: int, *, version: int = 1, length: int | None = None) -> Issued:
    """Return the first code from `version` on that is not trivial, under the newest secret.

    `owner_id` is the package's, or with the `length` of `DELEGATE_DIGITS` the delegate's. It may still
    collide with another code at the location: the unique constraint tells, and the caller takes the next
    version.
    """
    secret_id = newest()
    while _trivial(digits := compute(owner_id, version, secret_id, length)):
        version += 1
    return Issued(version, secret_id, _mac(location_id, digits, secret_id))


def issue_unused(
    owner_id: uuid.UUID,
    location_id: int,
    *,
    version: int,
    taken: Callable[[list[bytes]], bool],
    length: int | None = None,
) -> Issued:
    """Return the first code from `version` on that nobody else has: `taken` says so, given its `macs`."""
    while True:
        code = issue(owner_id, location_id, version=version, length=length)
        if not taken(macs(location_id, compute(owner_id, code.version, code.secret_id, length))):
            return code
        version = code.version + 1


def compute(owner_id: uuid.UUID, version: int, secret_id: int, length: int | None = None) -> str:
    """Return the digits of this version: as many as the secret says, or `length` for a delegate.

    Raises `KeyError` when the secret was removed from the settings.
    """
    length = length or digits_of(secret_id)
    digest = _hmac(secret_id, b"digits", owner_id.bytes, version.to_bytes(4, "big"))
    return f"{int.from_bytes(digest[:8], 'big') % 10**length:0{length}d}"


def computable(secret_id: int) -> bool:
    """Return whether codes made with this secret can be computed: it may have been removed too early."""
    return secret_id in settings.PICKUP_CODE_SECRETS


def shown(digits: str) -> str:
    """Return the code as people read it: `4821 7730`, or `482 177 309`."""
    group = 3 if len(digits) in (6, DELEGATE_DIGITS) else 4
    return " ".join(digits[start : start + group] for start in range(0, len(digits), group))


def clean(typed: str) -> str | None:
    """Return the digits in what somebody typed, or None when they cannot be a code."""
    digits = _SEPARATORS.sub("", typed)
    fits = len(digits) in {DELEGATE_DIGITS, *map(digits_of, settings.PICKUP_CODE_SECRETS)}
    return digits if fits and digits.isascii() and digits.isdigit() else None


def macs(location_id: int, digits: str) -> list[bytes]:
    """Return what a row with this code at this location may have as `code_mac`: one for each secret."""
    return [_mac(location_id, digits, secret_id) for secret_id in settings.PICKUP_CODE_SECRETS]


def receipt(location_id: int, digits: str, nonce: str) -> bytes:
    """Return the proof that a pickup came with this code and nonce, to recognize the kiosk's repeat."""
    secret_id = min(settings.PICKUP_CODE_SECRETS)
    return _hmac(secret_id, b"receipt", str(location_id).encode(), digits.encode(), nonce.encode())


def _mac(location_id: int, digits: str, secret_id: int) -> bytes:
    return _hmac(secret_id, b"lookup", str(location_id).encode(), digits.encode())


def _hmac(secret_id: int, *parts: bytes) -> bytes:
    return hmac.digest(settings.PICKUP_CODE_SECRETS[secret_id], b"\x1f".join(parts), sha256)


def _trivial(digits: str) -> bool:
    """Return whether somebody would try it first: all equal, a run up or down, or one part repeated."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    repeated = any(digits == digits[:part] * (len(digits) // part) for part in range(2, len(digits) // 2 + 1))
    return (len(steps) == 1 and steps <= {0, 1, 9}) or repeated
