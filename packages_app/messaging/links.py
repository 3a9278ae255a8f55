"""The recipient's page of a package: its link, and what the recipient may do there.

The link holds no code. With it, somebody can see where the package is and extend its hold, and no more. It
works until some days after the hold, and as long as the pickup code is the one that was valid when it was
made.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.signing import Signer
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from packages_app.life.lifecycle import Status
from packages_app.models import Package

KEPT_FOR = timedelta(days=7)  # after the end of the hold
CHOICES = (24, 48, 72)  # hours

# 16 bytes of the id and 132 bits of the signature, in base64, then the version of the pickup code: short
# enough for an SMS. Nobody can guess 132 bits.
_SIGNED = 22
_TOKEN = re.compile(r"\A([A-Za-z0-9_-]{22})([A-Za-z0-9_-]{22})([1-9][0-9]{0,4})\Z")


def token(package: Package) -> str:
    """Return the last part of the link to its page."""
    return _token(package.pk, package.code_version)


def url(package: Package) -> str | None:
    """Return the link to its page; None if the portal's own address is not set (`PUBLIC_URL`)."""
    if not settings.PUBLIC_URL:
        return None
    return settings.PUBLIC_URL + reverse("parcel", args=[token(package)])


def find(text: str, *, now: datetime) -> Package | None:
    """Return the package of a token that is still valid."""
    match = _TOKEN.match(text)
    if match is None:
        return None
    package_id, version = UUID(bytes=base64.urlsafe_b64decode(match[1] + "==")), int(match[3])
    if not constant_time_compare(_token(package_id, version), text):
        return None
    packages = Package.objects.select_related("location", "courier", "recipient")
    package = packages.filter(pk=package_id, code_version=version).first()
    if package is None or package.expires_at is None or package.expires_at + KEPT_FOR < now:
        return None
    return package


def hours_possible(package: Package) -> list[int]:
    """Return by how many hours its recipient may extend the hold: the choices, the shortest first."""
    if package.status != Status.STORED or package.held_at is not None:
        return []
    assert package.expires_at is not None
    left = int((package.latest_end - package.expires_at) / timedelta(hours=1))
    possible = [hours for hours in CHOICES if hours <= left]
    return possible or ([left] if left > 0 else [])


def can_extend(package: Package) -> bool:
    """Return whether its recipient may extend the hold."""
    return bool(hours_possible(package))


def _token(package_id: UUID, version: int) -> str:
    name = base64.urlsafe_b64encode(package_id.bytes).decode().rstrip("=")
    signature = Signer(salt="packages_app.links").signature(f"{package_id}:{version}")
    return f"{name}{signature[:_SIGNED]}{version}"
