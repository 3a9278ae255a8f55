"""Notice locations with hardly any free compartment of some size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from common.operation import Step, Sweep
from lockers import usage
from lockers.models import Location, Shortage
from packages_app.messaging.locations import tell_managers

# A shortage ends when this many times the share is free again, so that a location at the edge of it is not
# reported again and again.
ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Change:
    """The sizes of which a shortage begins at a location, and those of which it ends."""

    begins: frozenset[int]
    ends: frozenset[int]


@Sweep
def notice_shortages_due(*, now: datetime) -> int:
    """Tell managers where less than `NEARLY_FULL_PERCENT` of a size's compartments is free.

    Return how many shortages begin. Managers are told at most once for a size and day of the location's
    calendar, and again only after there was room meanwhile; suspended locations are left out. Each location
    is a transaction under its lock, so that two runs at once, or a killed one, tell nobody twice.
    """
    begun = 0
    for location_id, change in _changes():
        begun += _record(location_id=location_id, change=change, now=now)
    return begun


def _changes() -> Iterator[tuple[int, Change]]:
    open_now = defaultdict(set)
    for location_id, size in Shortage.objects.open().values_list("location_id", "size"):
        open_now[location_id].add(size)
    accepting = set(Location.objects.filter(suspended_at=None, sandbox=False).values_list("pk", flat=True))
    begins, ends = defaultdict(set), defaultdict(set)
    for row in usage.by_size():
        few = row.available * 100 < row.total * settings.NEARLY_FULL_PERCENT
        enough = row.available * 100 >= row.total * settings.NEARLY_FULL_PERCENT * ENOUGH
        if few and row.size not in open_now[row.location_id] and row.location_id in accepting:
            begins[row.location_id].add(row.size)
        elif enough and row.size in open_now[row.location_id]:
            ends[row.location_id].add(row.size)
    for location_id in sorted(begins.keys() | ends.keys()):
        yield location_id, Change(frozenset(begins[location_id]), frozenset(ends[location_id]))


@Step
def _record(*, location_id: int, change: Change, now: datetime) -> int:
    location = Location.objects.lock(location_id)
    still_open = location.shortages.open()
    still_open.filter(size__in=change.ends).update(ended_at=now)
    begins = change.begins - set(still_open.values_list("size", flat=True))
    today = now.astimezone(location.zone).date()
    told = set(location.shortages.filter(told_on=today).values_list("size", flat=True))
    Shortage.objects.bulk_create(
        Shortage(location=location, size=size, began_at=now, told_on=None if size in told else today)
        for size in sorted(begins)
    )
    if news := sorted(begins - told):
        sizes = "".join(map(str, news))
        tell_managers(
            location_id,
            kind="location_nearly_full",
            subject=f"location:{location_id}",
            dedup_prefix=f"nearly_full:{location_id}:{today}:{sizes}",
        )
    return len(begins)
