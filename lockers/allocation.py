"""Giving out doors: one function per strategy, and the claim that never gives a door twice.

A claim locks the row it takes with `FOR UPDATE SKIP LOCKED`, so that a hundred couriers at one location
each step over the doors that others are taking, instead of queueing for one lock. The price: a free door
that somebody merely touches looks taken. So nobody is told "full" before the doors were counted again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef

from common.refusals import BusyTryAgain
from lockers.models import Compartment, CompartmentQuerySet, Location, Size

Door = TypeVar("Door")
Strategy = Callable[[CompartmentQuerySet, int | OuterRef], CompartmentQuerySet]

LOOKS = 8
FIRST_PAUSE_SECONDS = 0.008  # at the most; each is twice the one before, ½ to 1 s in all
# Stand for the parameters while the claim is compiled; within the columns' ranges, or Django would compile
# the comparison away.
_LOCATION, _SIZE = 30_101, 30_102


def best_fit(doors: CompartmentQuerySet, size: int | OuterRef) -> CompartmentQuerySet:
    """The smallest door that fits: a small package may go into a larger one, never the reverse."""
    return doors.filter(size__gte=size).order_by("size", "position")


def first_available(doors: CompartmentQuerySet, size: int | OuterRef) -> CompartmentQuerySet:
    """A door of exactly this size, the first in order."""
    return doors.filter(size=size).order_by("position")


STRATEGIES: dict[str, Strategy] = {
    Location.Strategy.BEST_FIT: best_fit,
    Location.Strategy.FIRST_AVAILABLE: first_available,
}


def candidates(
    location_id: int | OuterRef, *, size: int | OuterRef, strategy: str, accessible: bool = False
) -> CompartmentQuerySet:
    """The free doors of a location that this package may get, the best first."""
    doors = Compartment.objects.free().filter(location_id=location_id)
    if accessible:
        doors = doors.filter(accessible=True)
    return STRATEGIES[strategy](doors, size)


def claim(
    location_id: int,
    *,
    size: int,
    strategy: str,
    accessible: bool = False,
    occupancy: Compartment.Occupancy,
    exclude: int | None = None,
) -> Compartment | None:
    """Take the best free door for the running transaction; None when the location is full for this size.

    Raises `BusyTryAgain` when doors are free but others hold each of them every time it looks.
    """
    doors = candidates(location_id, size=size, strategy=strategy, accessible=accessible)
    if exclude is not None:
        doors = doors.exclude(pk=exclude)

    def take() -> Compartment | None:
        door = doors.select_for_update(skip_locked=True, of=("self",)).first()
        if door is not None:
            door.hold(occupancy)
        return door

    return look_until_sure(take, doors.exists)


@cache
def claim_sql(
    strategy: str, *, accessible: bool, among: Callable[..., CompartmentQuerySet] | None = None
) -> str:
    """The claim's SELECT as text, for a statement that does more than claim.

    `among(doors, location_id, strategy=…)` may leave some of the doors out.
    Compiled from the same queryset as `claim`, so a strategy stays one function. The caller gives
    `%(location_id)s` and `%(size)s`. Constants stand as literals: a prepared plan uses the partial index of
    free doors only when it can read the index's own condition in the query.
    """
    doors = candidates(_LOCATION, size=_SIZE, strategy=strategy, accessible=accessible)
    if among is not None:
        doors = among(doors, _LOCATION, strategy=strategy)
    query = doors.select_for_update(skip_locked=True, of=("self",)).values("id")[:1].query
    with transaction.atomic():  # Django compiles a locking SELECT nowhere else
        sql, params = query.sql_with_params()
    placeholders = {_LOCATION: "%(location_id)s", _SIZE: "%(size)s"}
    return sql % tuple(
        placeholders[value] if isinstance(value, int) and value in placeholders else _literal(value)
        for value in params
    )


def _literal(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def look_until_sure(take: Callable[[], Door | None], free: Callable[[], bool]) -> Door | None:
    """Call `take` until it gives a door, or until `free` says that no such door is free as committed.

    Measured near capacity, 9 of 10 "full" answers of a single look were false: the free door was only
    locked. Waiting for the lock instead would deadlock with those who wait for ours.
    """
    for look in range(LOOKS):
        door = take()
        if door is not None:
            return door
        if not free():
            return None
        if look < LOOKS - 1:  # whoever holds the last door commits soon, on a busy machine not so soon
            longest = FIRST_PAUSE_SECONDS * 2**look
            time.sleep(random.uniform(longest / 2, longest))  # noqa: S311  (spreads the callers, no secret)
    raise BusyTryAgain


def size_for(
    *, length_mm: int = 0, width_mm: int = 0, height_mm: int = 0, weight_g: int | None = None
) -> Size | None:
    """The smallest compartment size that takes a parcel of these outer dimensions, turned as it fits best.

    What is not known does not count. None when no size does. Parcels are boxes: sorted edges against
    sorted inner edges decide.
    """
    parcel = sorted((length_mm, width_mm, height_mm))
    for size in Size:
        inner = settings.COMPARTMENT_SIZES[size.name]
        edges = sorted((inner["height_mm"], inner["width_mm"], inner["depth_mm"]))
        if all(mine <= room for mine, room in zip(parcel, edges, strict=True)) and (
            weight_g is None or weight_g <= inner["max_weight_g"]
        ):
            return size
    return None
