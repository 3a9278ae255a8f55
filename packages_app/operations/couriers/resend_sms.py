"""Send the SMS after all that a courier's daily cap has suppressed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from common.wakeup import nudge
from notifications.delivery import sms_limits
from notifications.delivery.fallback import brought_instead
from notifications.models import Notification
from notifications.models import Status as MessageStatus
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.life.kinds import KINDS
from packages_app.models import Package

BATCH = 500  # packages

_SUPPRESSED_BY_CAP = Q(status=MessageStatus.SUPPRESSED, reason=sms_limits.CAP_REACHED)


@Operation
def resend_sms(*, courier_id: int, by: Actor, now: datetime, batch: int = BATCH) -> int:
    """Send the suppressed SMS about packages of this courier that are in a compartment; return how many.

    To each person the last SMS with a code, and the last one of those after it; none that an email has
    replaced. Like every message they are checked again before they go out, and charged: past the cap they are
    suppressed once more.
    """
    packages = Package.objects.for_courier(courier_id).in_door().order_by("pk")
    ids = list(packages.values_list("pk", flat=True))
    count = sum(_resend(ids[begin : begin + batch]) for begin in range(0, len(ids), batch))
    if count:
        transaction.on_commit(nudge, robust=True)
    return count


def _resend(package_ids: Sequence[UUID]) -> int:
    sms = Notification.objects.filter(
        subject__in=[f"package:{package_id}" for package_id in package_ids], channel="sms"
    )
    by_person: dict[tuple[str, str], list[Notification]] = defaultdict(list)
    rows = list(sms.filter(~Q(status=MessageStatus.SUPPRESSED) | _SUPPRESSED_BY_CAP).order_by("id"))
    by_email = brought_instead([row for row in rows if row.status == MessageStatus.SUPPRESSED])
    for row in rows:
        by_person[row.subject, row.context.get("delegate", "")].append(row)
    missing = [row.pk for messages in by_person.values() for row in _missing(messages, by_email)]
    return sms.filter(_SUPPRESSED_BY_CAP, pk__in=missing).again()


def _missing(rows: Sequence[Notification], by_email: Container[int]) -> list[Notification]:
    """Return which of one person's messages, oldest first, have to be sent again."""
    code: Notification | None = None
    after: Notification | None = None
    for row in rows:
        suppressed = row.status == MessageStatus.SUPPRESSED and row.pk not in by_email
        if row.kind in KINDS and KINDS[row.kind].shows_code:
            code, after = row if suppressed else None, None
        else:
            after = row if suppressed else None
    return [row for row in (code, after) if row is not None]
