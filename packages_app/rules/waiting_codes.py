"""Refuse a deployment whose settings would change the pickup codes that recipients already have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from packages_app.models import Package
from packages_app.secrets import pickup_codes


@register(Tags.database)
def waiting_codes_stay(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Return an error for each secret under which a package that waits would get another code.

    `migrate` runs it at each deployment. One package for each secret is enough: a secret that was replaced
    under its id, or given another number of digits, changes the codes of all of them.
    """
    if not databases:
        return []
    try:
        return [_error(secret_id) for secret_id in settings.PICKUP_CODE_SECRETS if not _stays(secret_id)]
    except DatabaseError:
        return []  # the first migration of all: there is no table yet


def _stays(secret_id: int) -> bool:
    waiting = Package.objects.filter(code_mac__isnull=False, code_secret=secret_id).order_by()
    row = waiting.values_list("pk", "location_id", "code_version", "code_mac").first()
    if row is None:
        return True
    package_id, location_id, version, mac = row
    assert mac is not None
    digits = pickup_codes.compute(package_id, version, secret_id)
    return bytes(mac) in pickup_codes.macs(location_id, digits)


def _error(secret_id: int) -> Error:
    return Error(
        f"PICKUP_CODE_SECRETS would change codes that recipients already have: those of secret {secret_id}.",
        hint="Keep that secret and its number of digits as they were, and add a new id: "
        "docs/how-to/change-the-code-length.md.",
        id="packages_app.E001",
    )
