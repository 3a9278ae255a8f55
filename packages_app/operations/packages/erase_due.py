"""Erase the recipients of packages that ended long ago."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile

from django.conf import settings

from common.operation import Step, Sweep
from packages_app.models import Bookmark, Package, PackageEvent
from packages_app.rules import erasure

BATCH = 2000  # lines of history
_BOOKMARK = "erase"


@Sweep
def erase_due(*, now: datetime, batch: int = BATCH) -> int:
    """Erase name, email and phone of recipients whose package ended `ERASE_AFTER` ago; return how many.

    A package's end is the last line of its history, once it is out of its compartment. History is read once,
    in its order, up to a bookmark, so that no hot table needs an index for it. Each batch is a transaction
    that moves the bookmark; of two runs at once, the one that finds the bookmark locked stops.
    """
    erased, more = 0, True
    Bookmark.objects.get_or_create(name=_BOOKMARK)
    while more:
        count, more = _erase_batch(now=now, batch=batch)
        erased += count
    return erased


@Step
def _erase_batch(*, now: datetime, batch: int) -> tuple[int, bool]:
    mark = Bookmark.objects.select_for_update(skip_locked=True).filter(name=_BOOKMARK).first()
    if mark is None:
        return 0, False
    until = now - settings.ERASE_AFTER
    lines = PackageEvent.objects.filter(pk__gt=mark.position).order_by("pk")
    read = list(lines.values_list("pk", "at", "package_id")[:batch])
    old = list(takewhile(lambda line: line[1] <= until, read))
    if not old:
        return 0, False
    out = Package.objects.filter(pk__in={package_id for *_, package_id in old}, released_at__isnull=False)
    erased = erasure.erase(out.exclude(events__at__gt=until).values_list("pk", flat=True), now=now)
    mark.position = old[-1][0]
    mark.save(update_fields=["position"])
    return erased, len(old) == batch
