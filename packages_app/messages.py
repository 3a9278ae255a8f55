"""What the recipient of a package is told: address, language and facts for the words in the templates.

Looked up when a message is sent, so that it says what is true then, and so that no message row holds
personal data or a code.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app import codes
from packages_app.lifecycle import Status
from packages_app.models import Package

# Kinds that only make sense while the package can be collected, and those among them that show the code.
_ONLY_WHILE_STORED = {"stored", "code_renewed", "reminder", "extended", "door_failed"}


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """A message, or why there is none any more, for each notification about a package."""
    ids = {row.pk: UUID(row.subject.removeprefix("package:")) for row in notifications}
    packages = Package.objects.select_related("location", "compartment", "courier", "recipient").in_bulk(
        list(set(ids.values()))
    )
    return {row.pk: _message(row, packages.get(ids[row.pk])) for row in notifications}


def _message(row: Notification, package: Package | None) -> Message | Suppressed:
    if package is None:
        return Suppressed("the package does not exist")
    if row.kind in _ONLY_WHILE_STORED and package.status != Status.STORED:
        return Suppressed(f"the package is {package.status}")
    if row.kind == "retrieved" and package.status != Status.RETRIEVED:
        return Suppressed("the door did not open")
    if row.kind == "expired" and package.status == Status.STORED:
        return Suppressed("the hold was extended")
    to = package.recipient.email if row.channel == "email" else package.recipient.phone
    if not to:
        return Suppressed("the recipient has no such address")
    return Message(to=to, language=package.recipient.language, context=_facts(row.kind, package))


def _facts(kind: str, package: Package) -> dict[str, object]:
    location = package.location
    facts: dict[str, object] = {
        "recipient_name": package.recipient.name,
        "location_name": location.name,
        "location_address": ", ".join(part for part in (location.address, location.city) if part),
        "compartment": package.compartment.label,
        "courier_name": package.courier.name,
        "tracking_number": package.tracking_number,
        "expires_at": package.expires_at.astimezone(location.zone) if package.expires_at else None,
        "hold_days": location.hold_days,
    }
    if kind in _ONLY_WHILE_STORED:
        digits = codes.compute(package.pk, package.code_version, package.code_secret)
        facts["code"] = codes.shown(digits)
    return facts
