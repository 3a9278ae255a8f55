"""Signing secrets of endpoints: computed from the endpoint's id and a version, and never stored.

Under WEBHOOK_SECRETS, which have ids and rotate as PICKUP_CODE_SECRETS do (and are those where they are not
set): whoever reads the database alone can sign nothing.
"""

from __future__ import annotations

import base64
import hmac
import uuid
from hashlib import sha256

from django.conf import settings

PREFIX = "whsec_"


def newest() -> int:
    """The id of the secret under which new ones are made."""
    return max(settings.WEBHOOK_SECRETS)


def computable(secret_id: int) -> bool:
    """Whether it can still be computed: a secret may have been taken away too early."""
    return secret_id in settings.WEBHOOK_SECRETS


def key(webhook_id: uuid.UUID, version: int, secret_id: int) -> bytes:
    """The 32 bytes that sign. Raises `KeyError` when the secret was removed from the settings."""
    # The label keeps these apart from whatever else is computed under the same secret.
    parts = (b"webhook", webhook_id.bytes, version.to_bytes(4, "big"))
    return hmac.digest(settings.WEBHOOK_SECRETS[secret_id], b"\x1f".join(parts), sha256)


def shown(webhook_id: uuid.UUID, version: int, secret_id: int) -> str:
    """As Standard Webhooks writes it: `whsec_` and base64. Raises as `key` does."""
    return PREFIX + base64.b64encode(key(webhook_id, version, secret_id)).decode()
