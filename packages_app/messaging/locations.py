"""Messages to managers about a location as a whole: downtimes, shortages, overdue packages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from common.clock import database_now
from lockers import availability
from lockers.models import Downtime, Location, Size
from notifications import outbox
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.messaging.managers import managers, to_tell
from packages_app.models import Package

LISTED = 20  # packages in one email


def tell_managers(location_id: int, *, kind: str, subject: str, dedup_prefix: str) -> bool:
    """Write an email to each manager of the location, in the caller's transaction; a repeat adds nothing.

    The manager's id is appended to the subject and to the key. Returns whether there is a new email.
    """
    keys = {user_id: f"{dedup_prefix}:{user_id}:email" for user_id in to_tell(location_id)}
    known = Notification.objects.filter(dedup_key__in=list(keys.values())).values_list("dedup_key", flat=True)
    new_readers = sorted(user_id for user_id, key in keys.items() if key not in set(known))
    for user_id in new_readers:
        outbox.enqueue(
            kind=kind,
            channels=["email"],
            subject=f"{subject}:{user_id}",
            dedup_prefix=f"{dedup_prefix}:{user_id}",
        )
    return bool(new_readers)


def tell_of_downtime(downtime: Downtime, kind: str) -> None:
    """Tell managers `location_silent` or `location_back`, once for each downtime."""
    tell_managers(
        downtime.location_id,
        kind=kind,
        subject=f"downtime:{downtime.pk}",
        dedup_prefix=f"downtime:{downtime.pk}:{kind}",
    )


def compose_downtime(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the message, or the reason why there is none, for each notification about a downtime."""
    ids = {row.pk: [int(part) for part in row.subject.split(":")[1:]] for row in notifications}
    downtimes = Downtime.objects.select_related("location").in_bulk([one for one, _ in ids.values()])
    known = managers(
        [(downtimes[one].location_id, user_id) for one, user_id in ids.values() if one in downtimes]
    )
    composed: dict[int, Message | Suppressed] = {}
    for row in notifications:
        downtime_id, user_id = ids[row.pk]
        downtime = downtimes.get(downtime_id)
        manager = known.get((downtime.location_id, user_id)) if downtime else None
        if downtime is None or manager is None:
            composed[row.pk] = Suppressed("the manager or the downtime is gone")
        elif downtime.location.sandbox:
            composed[row.pk] = Suppressed("sandbox")
        elif row.kind == "location_silent" and downtime.ended_at is not None:
            composed[row.pk] = Suppressed("the location is no longer offline")
        else:
            composed[row.pk] = manager.message(_facts(downtime))
    return composed


def _facts(downtime: Downtime) -> dict[str, object]:
    location = downtime.location
    return {
        "location_name": location.name,
        "location_code": location.code,
        "began_at": _local(downtime.began_at, location),
        "ended_at": _local(downtime.ended_at, location),
    }


def compose_location(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the message with the present figures, or why there is none, for each notification."""
    ids = {row.pk: [int(part) for part in row.subject.split(":")[1:]] for row in notifications}
    locations = Location.objects.in_bulk([one for one, _ in ids.values()])
    known = managers([(location_id, user_id) for location_id, user_id in ids.values()])
    composed: dict[int, Message | Suppressed] = {}
    for row in notifications:
        location_id, user_id = ids[row.pk]
        location, manager = locations.get(location_id), known.get((location_id, user_id))
        if location is None or manager is None:
            composed[row.pk] = Suppressed("the manager or the location is gone")
            continue
        facts = _shortages(location) if row.kind == "location_nearly_full" else _overdue(location)
        if isinstance(facts, Suppressed):
            composed[row.pk] = facts
        else:
            names = {"location_name": location.name, "location_code": location.code}
            composed[row.pk] = manager.message({**names, **facts})
    return composed


def _shortages(location: Location) -> dict[str, object] | Suppressed:
    """Return the sizes that are short, with their present figures."""
    short = set(location.shortages.open().values_list("size", flat=True))
    if not short:
        return Suppressed("there are enough available compartments again")
    counted = availability.of_id(location.pk)["sizes"]
    sizes = [counts for counts in counted if Size[counts["size"]] in short]
    return {"sizes": [{**counts, "label": Size[counts["size"]].label} for counts in sizes]}


def _overdue(location: Location) -> dict[str, object] | Suppressed:
    """Return how many packages are overdue, and the oldest ones."""
    since = database_now() - settings.OVERDUE_RETURN_AFTER
    waiting = Package.objects.overdue_for_return(since=since).filter(location=location)
    count = waiting.count()
    if not count:
        return Suppressed("they have been taken out")
    listed = [
        {
            "tracking_number": package.tracking_number,
            "compartment": str(package.compartment),
            "courier_name": package.courier.name,
            "since": _local(package.cancelled_at or package.expires_at, location),
        }
        for package in waiting.select_related("courier", "compartment__locker")[:LISTED]
    ]
    return {"count": count, "packages": listed, "more": count - len(listed)}


def _local(moment: datetime | None, location: Location) -> datetime | None:
    return moment.astimezone(location.zone) if moment else None
