"""What the managers of a location are told about the location as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from lockers.models import Downtime, Membership
from notifications import outbox
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.managers import managers


def tell_managers(location_id: int, *, kind: str, subject: str, dedup_prefix: str) -> None:
    """One e-mail to each manager of the location, in the caller's transaction; a repeat adds nothing.

    The subject and the key get the manager's id behind them.
    """
    managers = Membership.objects.filter(location_id=location_id, user__is_active=True)
    for user_id in managers.exclude(user__email="").values_list("user_id", flat=True):
        outbox.enqueue(
            kind=kind,
            channels=["email"],
            subject=f"{subject}:{user_id}",
            dedup_prefix=f"{dedup_prefix}:{user_id}",
        )


def tell_of_downtime(downtime: Downtime, kind: str) -> None:
    """`location_silent` or `location_back`, once for each downtime."""
    tell_managers(
        downtime.location_id,
        kind=kind,
        subject=f"downtime:{downtime.pk}",
        dedup_prefix=f"downtime:{downtime.pk}:{kind}",
    )


def compose_downtime(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """A message, or why there is none any more, for each notification about a downtime."""
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
            composed[row.pk] = Suppressed("the location is no longer silent")
        else:
            composed[row.pk] = manager.message(_facts(downtime))
    return composed


def _facts(downtime: Downtime) -> dict[str, object]:
    location = downtime.location
    return {
        "location_name": location.name,
        "location_code": location.code,
        "began_at": downtime.began_at.astimezone(location.zone),
        "ended_at": downtime.ended_at.astimezone(location.zone) if downtime.ended_at else None,
    }
