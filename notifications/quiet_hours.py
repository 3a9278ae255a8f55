"""Hours in which no phone should ring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

WAITS = "Waits for the end of quiet hours"  # the reason shown on a postponed message


@dataclass(frozen=True)
class QuietHours:
    """From `starts` to `ends` on the wall clock of `zone`; past midnight where `ends` is earlier."""

    starts: time
    ends: time
    zone: tzinfo

    def over_at(self, moment: datetime) -> datetime | None:
        """Return when the quiet hours that contain `moment` end; None outside them."""
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
        # Where the clock is set back past `ends`, that time occurs twice, and the first may have passed.
        return over if over > moment else over + timedelta(hours=1)
