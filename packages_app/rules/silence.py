"""When a location counts as silent: none of its kiosks has sent a heartbeat for too long."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import Max

from lockers.models import Location

NO_SIGN_OF_LIFE = "no sign of life from its kiosks"


def silent_since(location: Location, *, now: datetime) -> datetime | None:
    """Return since when the location has been silent for longer than `LOCATION_SILENT_AFTER`, or None.

    That is its last heartbeat, or the end of its last downtime if that was later. A location that has never
    sent a heartbeat is not silent. The caller has locked the location.
    """
    seen = location.kiosks.aggregate(at=Max("last_seen_at"))["at"]
    if seen is None or location.sandbox or seen >= now - settings.LOCATION_SILENT_AFTER:
        return None
    ended = location.downtimes.aggregate(at=Max("ended_at"))["at"]
    return max(seen, ended) if ended else seen  # type: ignore[no-any-return]
