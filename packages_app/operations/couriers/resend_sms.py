"""SMS that a courier's daily cap has held back are sent after all."""

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
from packages_app.core.operation import Operation
from packages_app.life.kinds import KINDS
from packages_app.models import Package

BATCH = 500  # packages

_HELD_BACK = Q(status=MessageStatus.SUPPRESSED, reason=sms_limits.CAP_REACHED)


def resend_sms(*, courier_id: int, now: datetime, batch: int = BATCH) -> int:
    """What is still missing to people whose package of this courier lies in its door; returns how many SMS.

    Of several with a code the last one to each person, and of what was said after it the last one too; none
    that an e-mail has brought in its place. Like every message they are looked at again before they go out,
    and counted: past the cap they are held back once more. In batches of packages, each a transaction of its
    own.
    """
    packages = Package.objects.for_courier(courier_id).in_door().order_by("pk")
    ids = list(packages.values_list("pk", flat=True))
    return sum(
        _resend(package_ids=ids[begin : begin + batch], now=now) for begin in range(0, len(ids), batch)
    )


@Operation
def _resend(*, package_ids: Sequence[UUID], now: datetime) -> int:
    sms = Notification.objects.filter(
        subject__in=[f"package:{package_id}" for package_id in package_ids], channel="sms"
    )
    said: dict[tuple[str, str], list[Notification]] = defaultdict(list)
    rows = list(sms.filter(~Q(status=MessageStatus.SUPPRESSED) | _HELD_BACK).order_by("id"))
    by_email = brought_instead([row for row in rows if row.status == MessageStatus.SUPPRESSED])
    for row in rows:
        said[row.subject, row.context.get("delegate", "")].append(row)
    missing = [row.pk for one in said.values() for row in _missing(one, by_email)]
    count = sms.filter(_HELD_BACK, pk__in=missing).again()
    if count:
        transaction.on_commit(nudge, robust=True)
    return count


def _missing(rows: Sequence[Notification], by_email: Container[int]) -> list[Notification]:
    """Of what was said to one person, oldest first: what has to be said again."""
    code: Notification | None = None
    after: Notification | None = None
    for row in rows:
        held_back = row.status == MessageStatus.SUPPRESSED and row.pk not in by_email
        if row.kind in KINDS and KINDS[row.kind].shows_code:
            code, after = row if held_back else None, None
        else:
            after = row if held_back else None
    return [row for row in (code, after) if row is not None]
