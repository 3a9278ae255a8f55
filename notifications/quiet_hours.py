"""Hours in which nobody's telephone should ring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

WAITS = "Waits for the end of quiet hours"  # the reason on a message that is put off


@dataclass(frozen=True)
class QuietHours:
    """From `starts` until `ends` on the wall clock of `zone`; over midnight where `ends` is the earlier."""

    starts: time
    ends: time
    zone: tzinfo

    def over_at(self, moment: datetime) -> datetime | None:
        """When the quiet hours in which `moment` lies are over; None outside them."""
        local = moment.astimezone(self.zone)
        clock = local.time()
        over_midnight = self.ends <= self.starts
        if over_midnight:
            inside = clock >= self.starts or clock < self.ends
        else:
            inside = self.starts <= clock < self.ends
        if not inside:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and clock >= self.starts else 0)
        over = datetime.combine(day, self.ends, tzinfo=self.zone).astimezone(UTC)
        # Where the clock goes back over `ends`, its first reading may have passed already.
        return over if over > moment else over + timedelta(hours=1)
