"""Signing secrets of webhooks: computed from the webhook's id and a version, and never stored.

They are computed under WEBHOOK_SECRETS, which have ids and rotate like PICKUP_CODE_SECRETS (and default to
those). The database alone is not enough to sign anything.
"""

from __future__ import annotations

import base64
import hmac
import uuid
from hashlib import sha256

from django.conf import settings

PREFIX = "whsec_"


def newest() -> int:
    """Return the id of the secret under which new ones are made."""
    return max(settings.WEBHOOK_SECRETS)


def computable(secret_id: int) -> bool:
    """Return whether it can still be computed: the secret may have been removed too early."""
    return secret_id in settings.WEBHOOK_SECRETS


def key(webhook_id: uuid.UUID, version: int, secret_id: int) -> bytes:
    """Return the 32 bytes that sign. Raises `KeyError` if the secret was removed from the settings."""
    # The label keeps these apart from whatever else is computed under the same secret.
    parts = (b"webhook", webhook_id.bytes, version.to_bytes(4, "big"))
    return hmac.digest(settings.WEBHOOK_SECRETS[secret_id], b"\x1f".join(parts), sha256)


def shown(webhook_id: uuid.UUID, version: int, secret_id: int) -> str:
    """Return it as Standard Webhooks writes it: `whsec_` and base64. Raises `KeyError` as `key` does."""
    return PREFIX + base64.b64encode(key(webhook_id, version, secret_id)).decode()
