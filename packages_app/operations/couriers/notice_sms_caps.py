"""Couriers whose SMS cost as much in a day as they may."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from notifications.delivery import sms_limits
from packages_app.core.operation import Operation
from packages_app.messaging import sms_caps
from packages_app.models import Courier

# What was refused in the last minutes of a day is told in the first ones of the next.
LOOKS_BACK = timedelta(minutes=30)


def notice_sms_caps(*, now: datetime) -> int:
    """Staff hear once a day of each courier that has reached its cap, and once that it nearly has.

    Returns how many messages. They have a key with the day: two runs at once, or one that is killed, tell
    nobody twice.
    """
    told = 0
    for day in sorted({(now - LOOKS_BACK).astimezone(UTC).date(), now.astimezone(UTC).date()}):
        by_payer = {one.payer: one for one in sms_limits.spent_by_payers(day)}
        for courier in Courier.objects.order_by("pk"):
            spent = by_payer.get(courier.sms_payer)
            kind = sms_caps.kind(spent, sms_caps.cap_of(courier)) if spent else ""
            if kind:
                told += _tell(courier=courier, day=day, kind=kind)
    return told


@Operation
def _tell(*, courier: Courier, day: date, kind: str) -> int:
    return sms_caps.tell(courier, day, kind)
