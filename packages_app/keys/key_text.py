"""The text of an API key: `plk_live_<id>_<secret>_<checksum>`."""

from __future__ import annotations

import secrets
import string
import zlib

_BASE62 = string.digits + string.ascii_letters
_SECRET_LENGTH = 43  # base62 digits of 256 bits


def new(kind: str) -> tuple[str, str]:
    """Make a key; return its public id, and its text without the checksum."""
    key_id = "".join(secrets.choice(_BASE62) for _ in range(8))
    return key_id, f"plk_{kind}_{key_id}_{_base62(secrets.token_bytes(32), _SECRET_LENGTH)}"


def checksum(body: str) -> str:
    """Return the checksum: secret scanners recognize keys by it, and a mistyped key needs no look-up."""
    return _base62(zlib.crc32(body.encode()).to_bytes(4, "big"), 6)


def _base62(value: bytes, length: int) -> str:
    number, digits = int.from_bytes(value, "big"), ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
