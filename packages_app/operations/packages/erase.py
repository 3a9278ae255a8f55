"""Who a package was for is forgotten when it has long been over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from notifications.models import Notification
from notifications.models import Status as MessageStatus
from packages_app.core.operation import Operation
from packages_app.models import Bookmark, Delegate, Package, PackageEvent, Recipient

BATCH = 2000  # lines of history
_NOBODY = {"name": "", "email": "", "phone": ""}
_BOOKMARK = "erase"


def erase(*, now: datetime, batch: int = BATCH) -> int:
    """Forgets name, e-mail and phone of everybody whose package ended `ERASE_AFTER` ago; returns how many.

    The end is the last line of its history, once it is out of its door. History is read once, in its order,
    up to a bookmark: no hot table needs an index for it. Each batch is a transaction that moves the bookmark;
    of two runs at once one finds it taken and leaves, a killed one is continued by the next.
    """
    erased, more = 0, True
    Bookmark.objects.get_or_create(name=_BOOKMARK)
    while more:
        count, more = _erase_batch(now=now, batch=batch)
        erased += count
    return erased


@Operation
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
    over = Package.objects.filter(pk__in={package_id for *_, package_id in old}, released_at__isnull=False)
    erased = _forget(over.exclude(events__at__gt=until).values_list("pk", flat=True), now=now)
    mark.position = old[-1][0]
    mark.save(update_fields=["position"])
    return erased, len(old) == batch


@Operation
def erase_now(*, package_ids: Iterable[UUID], now: datetime) -> int:
    """The same at once, because somebody asked for it; returns how many recipients were forgotten.

    A package that is not out of its door keeps its recipient: they could not be told their code any more.
    """
    over = Package.objects.filter(pk__in=list(package_ids), released_at__isnull=False)
    return _forget(over.values_list("pk", flat=True), now=now)


def _forget(package_ids: Iterable[UUID], *, now: datetime) -> int:
    over = list(package_ids)
    recipients = Recipient.objects.filter(package__in=over, erased_at__isnull=True)
    ids = list(
        recipients.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk", flat=True)
    )
    erased = Recipient.objects.filter(pk__in=ids).update(erased_at=now, **_NOBODY)
    Delegate.objects.filter(package__in=over, erased_at__isnull=True).update(erased_at=now, **_NOBODY)
    _forget_elsewhere(over, ids)
    return erased


def _forget_elsewhere(package_ids: list[UUID], recipient_ids: list[int]) -> None:
    """What others may have written of them: a provider's words and ids, the names in the admin's log."""
    told = Notification.objects.filter(subject__in=[f"package:{package_id}" for package_id in package_ids])
    told.exclude(provider_id="").update(provider_id="")
    with_reason = [MessageStatus.DEAD, MessageStatus.SUPPRESSED, MessageStatus.BOUNCED]
    told.filter(status__in=with_reason).exclude(reason="erased").update(reason="erased")
    told.exclude(status__in=with_reason).exclude(reason="").update(reason="")
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Recipient),
        object_id__in=[str(pk) for pk in recipient_ids],
    )
    entries.exclude(object_repr="erased").update(object_repr="erased")
