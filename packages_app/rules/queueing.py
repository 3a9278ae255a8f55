"""The queue's one rule: a free compartment belongs to the first entry at its location that it fits.

A drop-off that has not waited (`assign`) takes only what belongs to no entry; an entry takes what belongs to
no entry before it (`grant_due`). So nobody is overtaken, however many compartments are taken at once and in
whatever order the transactions end.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, Subquery

from lockers.allocation import STRATEGIES, candidates
from lockers.models import Compartment, CompartmentQuerySet
from packages_app.models import QueueEntry, QueueEntryQuerySet


def entries_it_fits(strategies: tuple[str, ...] = ()) -> QueueEntryQuerySet:
    """Return the entries that may get the compartment of the outer query.

    `strategies`: those that its location may have; all by default.
    """
    fits = Q()
    for strategy in strategies or STRATEGIES:
        for accessible in (False, True):
            may_get = candidates(
                OuterRef("location_id"), size=OuterRef("size"), strategy=strategy, accessible=accessible
            )
            fit = Q(Exists(may_get.filter(pk=OuterRef(OuterRef("pk")))), accessible=accessible)
            fits |= fit if len(strategies) == 1 else fit & Q(location__strategy=strategy)
    return QueueEntry.objects.waiting().filter(fits, location_id=OuterRef("location_id"))


def unclaimed(doors: CompartmentQuerySet, location_id: int, *, strategy: str) -> CompartmentQuerySet:
    """Return those of the location's free compartments that no entry waits for.

    While no entry waits there at all, that is one look into a small index.
    """
    anybody = QueueEntry.objects.waiting().filter(location_id=location_id)
    return doors.filter(~Exists(anybody) | ~Exists(entries_it_fits((strategy,))))


def doors_of(entry: QueueEntry) -> CompartmentQuerySet:
    """Return the free compartments that this entry may get now, the best first.

    No earlier entry waits for them.
    """
    strategy = entry.location.strategy
    doors = candidates(entry.location_id, size=entry.size, strategy=strategy, accessible=entry.accessible)
    earlier = entries_it_fits((strategy,)).before(entry.created_at, entry.pk)
    return doors.filter(~Exists(earlier))


def first_in_line(location_id: int | None = None) -> QueueEntryQuerySet:
    """Return the entries that compartments belong to now, at one location or at all, oldest first."""
    waiting = QueueEntry.objects.waiting().filter(location__suspended_at__isnull=True)
    if location_id is not None:
        waiting = waiting.filter(location_id=location_id)
    owner = entries_it_fits().order_by("created_at", "id").values("pk")[:1]
    doors = Compartment.objects.free().filter(location_id__in=waiting.order_by().values("location_id"))
    owners = doors.order_by().annotate(owner=Subquery(owner)).values("owner")
    return waiting.filter(pk__in=owners).order_by("created_at", "id")


def can_ever_fit(location_id: int, *, size: int, strategy: str, accessible: bool) -> bool:
    """Return whether the location has such a compartment at all, free or not."""
    doors = Compartment.objects.filter(location_id=location_id)
    if accessible:
        doors = doors.filter(accessible=True)
    return STRATEGIES[strategy](doors, size).exists()
