"""Choose compartments: a function per strategy, and a claim that never gives one to two packages.

A claim locks its row with `FOR UPDATE SKIP LOCKED`, so that a hundred couriers at one location skip the
compartments that others are taking, instead of waiting for one lock. The price is that an available
compartment looks taken while somebody else has locked it. So a location only counts as full after a second
look.
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

Taken = TypeVar("Taken")
Strategy = Callable[[CompartmentQuerySet, int | OuterRef], CompartmentQuerySet]

LOOKS = 8
FIRST_PAUSE_SECONDS = 0.008  # the longest first pause; each is twice the one before, ½ to 1 s in total
# Placeholders for the parameters while the claim is compiled. They must be within the range of the columns,
# or Django would leave the comparison out.
_LOCATION, _SIZE = 30_101, 30_102


def best_fit(compartments: CompartmentQuerySet, size: int | OuterRef) -> CompartmentQuerySet:
    """Return the compartments that fit, the smallest first: a small package may use a larger one."""
    return compartments.filter(size__gte=size).order_by("size", "position")


def first_available(compartments: CompartmentQuerySet, size: int | OuterRef) -> CompartmentQuerySet:
    """Return the compartments of exactly this size, in their order."""
    return compartments.filter(size=size).order_by("position")


STRATEGIES: dict[str, Strategy] = {
    Location.Strategy.BEST_FIT: best_fit,
    Location.Strategy.FIRST_AVAILABLE: first_available,
}


def candidates(
    location_id: int | OuterRef, *, size: int | OuterRef, strategy: str, accessible: bool = False
) -> CompartmentQuerySet:
    """Return the available compartments of a location that a package may get, the best first."""
    compartments = Compartment.objects.free().filter(location_id=location_id)
    if accessible:
        compartments = compartments.filter(accessible=True)
    return STRATEGIES[strategy](compartments, size)


def claim(
    location_id: int,
    *,
    size: int,
    strategy: str,
    accessible: bool = False,
    occupancy: Compartment.Occupancy,
    exclude: int | None = None,
) -> Compartment | None:
    """Take the best available compartment in the running transaction; None if none fits.

    Raises `BusyTryAgain` if compartments are available, but others have locked all of them at every look.
    """
    compartments = candidates(location_id, size=size, strategy=strategy, accessible=accessible)
    if exclude is not None:
        compartments = compartments.exclude(pk=exclude)

    def take() -> Compartment | None:
        compartment = compartments.select_for_update(skip_locked=True, of=("self",)).first()
        if compartment is not None:
            compartment.hold(occupancy)
        return compartment

    return look_until_sure(take, compartments.exists)


@cache
def claim_sql(
    strategy: str, *, accessible: bool, among: Callable[..., CompartmentQuerySet] | None = None
) -> str:
    """Return the SELECT of a claim as SQL, for a statement that does more than claim.

    It is compiled from the same queryset as `claim`, so that a strategy is one function. Its parameters are
    `%(location_id)s` and `%(size)s`. Constants are literals, because a prepared plan uses the partial index
    of available compartments only if the query contains the condition of the index. `among(compartments,
    location_id, strategy=…)` may leave some compartments out.
    """
    compartments = candidates(_LOCATION, size=_SIZE, strategy=strategy, accessible=accessible)
    if among is not None:
        compartments = among(compartments, _LOCATION, strategy=strategy)
    query = compartments.select_for_update(skip_locked=True, of=("self",)).values("id")[:1].query
    with transaction.atomic():  # Django compiles a locking SELECT only in a transaction
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


def look_until_sure(take: Callable[[], Taken | None], free: Callable[[], bool]) -> Taken | None:
    """Call `take` until it returns a compartment, or until `free` says that none is available as committed.

    Near capacity, 9 of 10 "full" answers of a single look were measured to be false, because the available
    compartment was only locked. Waiting for the lock instead would deadlock with those who wait for ours.
    """
    for look in range(LOOKS):
        compartment = take()
        if compartment is not None:
            return compartment
        if not free():
            return None
        if look < LOOKS - 1:  # the other transaction commits soon, on a busy machine not so soon
            longest = FIRST_PAUSE_SECONDS * 2**look
            time.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - spreads the callers, not a secret
    raise BusyTryAgain


def size_for(
    *, length_mm: int = 0, width_mm: int = 0, height_mm: int = 0, weight_g: int | None = None
) -> Size | None:
    """Return the smallest size that takes a package of these outer dimensions, turned as it fits best.

    Unknown figures do not count. None if no size fits. Packages are boxes, so their sorted edges are compared
    with the sorted inner edges of the compartment.
    """
    package = sorted((length_mm, width_mm, height_mm))
    for size in Size:
        inner = settings.COMPARTMENT_SIZES[size.name]
        edges = sorted((inner["height_mm"], inner["width_mm"], inner["depth_mm"]))
        if all(outer <= inner_edge for outer, inner_edge in zip(package, edges, strict=True)) and (
            weight_g is None or weight_g <= inner["max_weight_g"]
        ):
            return size
    return None
