"""The queue's one rule: a free door belongs to the first who waits at its location and whom it fits.

Whoever takes a door without having waited (`assign`) takes only what belongs to nobody; whoever waits takes
what belongs to nobody before them (`grant`). So nobody is overtaken, however many take doors at once and
in whatever order their transactions end.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery

from lockers.allocation import STRATEGIES, candidates
from lockers.models import Compartment, CompartmentQuerySet
from packages_app.models import QueueEntry, QueueEntryQuerySet


def whom_it_fits(strategies: tuple[str, ...] = tuple(STRATEGIES)) -> QueueEntryQuerySet:
    """Who waits at the location of the door in the outer query and may get it; `strategies` are its."""
    fits = Q()
    for strategy in strategies:
        for accessible in (False, True):
            may_get = candidates(
                OuterRef("location_id"), size=OuterRef("size"), strategy=strategy, accessible=accessible
            )
            fit = Q(Exists(may_get.filter(pk=OuterRef(OuterRef("pk")))), accessible=accessible)
            fits |= fit if len(strategies) == 1 else fit & Q(location__strategy=strategy)
    return QueueEntry.objects.waiting().filter(fits, location_id=OuterRef("location_id"))


def nobodys(doors: CompartmentQuerySet, location_id: int, *, strategy: str) -> CompartmentQuerySet:
    """Those of the location's free doors that nobody waits for.

    While nobody waits there at all, that is one look into a small index.
    """
    anybody = QueueEntry.objects.waiting().filter(location_id=location_id)
    return doors.filter(~Exists(anybody) | ~Exists(whom_it_fits((strategy,))))


def doors_of(entry: QueueEntry) -> CompartmentQuerySet:
    """The free doors that this entry may get now, the best first: nobody waits for them before it."""
    strategy = entry.location.strategy
    doors = candidates(entry.location_id, size=entry.size, strategy=strategy, accessible=entry.accessible)
    earlier = whom_it_fits((strategy,)).before(entry.created_at, entry.pk)
    return doors.filter(~Exists(earlier))


def first_in_line(location_id: int | None = None) -> QueueEntryQuerySet:
    """The owners of the doors that are free now, at one location or at all; those who came first, first."""
    waiting = QueueEntry.objects.waiting().filter(location__suspended_at__isnull=True)
    if location_id is not None:
        waiting = waiting.filter(location_id=location_id)
    owner = whom_it_fits().order_by("created_at", "id").values("pk")[:1]
    doors = Compartment.objects.free().filter(location_id__in=waiting.order_by().values("location_id"))
    owners = doors.order_by().annotate(owner=Subquery(owner)).values("owner")
    return waiting.filter(pk__in=owners).order_by("created_at", "id")


def can_ever_fit(location_id: int, *, size: int, strategy: str, accessible: bool) -> bool:
    """Whether the location has such a door at all, free or not."""
    doors = Compartment.objects.filter(location_id=location_id)
    if accessible:
        doors = doors.filter(accessible=True)
    return STRATEGIES[strategy](doors, size).exists()


def purge(*, now: datetime, batch: int = 5000) -> int:
    """Forget places that ended `QUEUE_KEEP` ago or earlier; returns how many.

    In batches, each a transaction of its own, that step over what another purge has in hand.
    """
    gone = 0
    old = QueueEntry.objects.filter(ended_at__lte=now - settings.QUEUE_KEEP).order_by("ended_at")
    while True:
        with transaction.atomic():
            rows = old.select_for_update(skip_locked=True).values_list("pk", flat=True)
            count, _ = QueueEntry.objects.filter(pk__in=list(rows[:batch])).delete()
        gone += count
        if count < batch:
            return gone
