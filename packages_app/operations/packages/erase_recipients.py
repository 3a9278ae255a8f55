"""Erase the recipients of some packages at once, because somebody asked for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.rules import erasure


@Operation
def erase_recipients(*, package_ids: Iterable[UUID], by: Actor, now: datetime) -> int:
    """Erase name, email and phone of the recipients of these packages; return how many.

    A package that is still in its compartment keeps its recipient: they could not be sent their code anymore.
    """
    out = by.packages().filter(pk__in=list(package_ids), released_at__isnull=False)
    return erasure.erase(out.values_list("pk", flat=True), now=now)
