"""A location has hardly a free door of some size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from lockers import usage
from lockers.models import Location, Shortage
from packages_app.core.operation import Operation
from packages_app.messaging.locations import tell_managers

# A shortage ends when so many times the share is free again: doors that come and go at the edge are no news.
ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Turn:
    """The sizes of a location of which a shortage begins, and those of which it is over."""

    begins: frozenset[int]
    ends: frozenset[int]


def notice_shortages(*, now: datetime) -> int:
    """Managers hear where less than `NEARLY_FULL_PERCENT` of a size's doors is free; returns how many begin.

    At most once for a size and day of the location's calendar, and again only after there was room meanwhile.
    Not where no packages are taken. Each location is a transaction under its lock, so that two runs at once,
    or one that is killed, tell nobody twice.
    """
    begun = 0
    for location_id, turn in _turns():
        begun += _note(location_id=location_id, turn=turn, now=now)
    return begun


def _turns() -> Iterator[tuple[int, Turn]]:
    open_now = defaultdict(set)
    for location_id, size in Shortage.objects.open().values_list("location_id", "size"):
        open_now[location_id].add(size)
    asked = set(Location.objects.filter(suspended_at=None, sandbox=False).values_list("pk", flat=True))
    begins, ends = defaultdict(set), defaultdict(set)
    for row in usage.by_size():
        few = row.available * 100 < row.total * settings.NEARLY_FULL_PERCENT
        enough = row.available * 100 >= row.total * settings.NEARLY_FULL_PERCENT * ENOUGH
        if few and row.size not in open_now[row.location_id] and row.location_id in asked:
            begins[row.location_id].add(row.size)
        elif enough and row.size in open_now[row.location_id]:
            ends[row.location_id].add(row.size)
    for location_id in sorted(begins.keys() | ends.keys()):
        yield location_id, Turn(frozenset(begins[location_id]), frozenset(ends[location_id]))


@Operation
def _note(*, location_id: int, turn: Turn, now: datetime) -> int:
    location = Location.objects.lock(location_id)
    lasting = location.shortages.open()
    lasting.filter(size__in=turn.ends).update(ended_at=now)
    begins = turn.begins - set(lasting.values_list("size", flat=True))
    today = now.astimezone(location.zone).date()
    heard = set(location.shortages.filter(told_on=today).values_list("size", flat=True))
    Shortage.objects.bulk_create(
        Shortage(location=location, size=size, began_at=now, told_on=None if size in heard else today)
        for size in sorted(begins)
    )
    if news := sorted(begins - heard):
        sizes = "".join(map(str, news))
        tell_managers(
            location_id,
            kind="location_nearly_full",
            subject=f"location:{location_id}",
            dedup_prefix=f"nearly_full:{location_id}:{today}:{sizes}",
        )
    return len(begins)
