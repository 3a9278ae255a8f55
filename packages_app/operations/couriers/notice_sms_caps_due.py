"""Notice couriers who have reached, or nearly reached, their daily cap on SMS."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from common.operation import Step, Sweep
from notifications.delivery import sms_limits
from packages_app.messaging import sms_caps
from packages_app.models import Courier

# SMS that were refused in the last minutes of a day are reported in the first minutes of the next.
LOOK_BACK = timedelta(minutes=30)


@Sweep
def notice_sms_caps_due(*, now: datetime) -> int:
    """Tell staff, each once a day, that a courier has nearly reached its cap and that it has reached it.

    Return how many messages were written. Their dedup key has the day, so that two runs at once, or a killed
    one, tell nobody twice.
    """
    told = 0
    for day in sorted({(now - LOOK_BACK).astimezone(UTC).date(), now.astimezone(UTC).date()}):
        by_payer = {spent.payer: spent for spent in sms_limits.spent_by_payers(day)}
        for courier in Courier.objects.order_by("pk"):
            spent = by_payer.get(courier.sms_payer)
            kind = sms_caps.kind(spent, sms_caps.cap_of(courier)) if spent else ""
            if kind:
                told += _tell(courier=courier, day=day, kind=kind)
    return told


@Step
def _tell(*, courier: Courier, day: date, kind: str) -> int:
    return sms_caps.tell(courier, day, kind)
