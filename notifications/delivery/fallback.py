"""Another channel, where one has failed for good: email for SMS, and SMS for an email with a code.

The message that stands in has a row of its own, once for each cause and channel. It has the priority and the
context of the failed one, and `instead_of` in it, so that composers can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from common.wakeup import nudge
from notifications.channels.people import others
from notifications.channels.registry import CHANNELS
from notifications.composing import NotComposed, compose
from notifications.messages import Suppressed
from notifications.models import ARRIVED, FAILED, Notification, NotificationQuerySet, Status

PREFIX = "instead:"
ENDED_IN_VAIN = (*FAILED, Status.SUPPRESSED)


def fall_back(notification: Notification) -> bool:
    """Send by another channel what `notification` could not bring; return whether anything is to be sent.

    Call it in the transaction in which the message becomes dead or bounced, for one message in each. The
    channels are tried in their order. Nothing is sent where another channel has brought the same message
    already, or still may; nor by a channel that had it and failed, where the receiver has no address, where
    there is nothing to say any more, or where the channel stands in for codes only and the message shows
    none. Called again it does nothing more.
    """
    cause = _cause(notification)
    with transaction.atomic():
        _lock(cause)
        for channel in others(notification.channel):
            # What was suppressed there was perhaps unwanted, and now it is needed: its composer knows.
            had = _rows(cause, channel).exclude(dedup_key=f"{cause}:{channel}", status=Status.SUPPRESSED)
            if had.exclude(status__in=ENDED_IN_VAIN).exists():
                return False
            if not had.exists() and _stand_in(notification, channel, cause):
                transaction.on_commit(nudge, robust=True)
                return True
    return False


def fall_back_here(notification: Notification) -> None:
    """Send by this channel, which did not want `notification`, after all: where the others have failed."""
    cause = _cause(notification)
    with transaction.atomic():
        for channel in others(notification.channel):
            _lock(cause)
            for failed in _rows(cause, channel).filter(status__in=ENDED_IN_VAIN).order_by("id"):
                fall_back(failed)


def brought_instead(notifications: Sequence[Notification]) -> set[int]:
    """Return the ids of those whose message another channel has brought in their place."""
    keys = {
        f"{PREFIX}{_cause(row)}:{channel}": row.pk for row in notifications for channel in others(row.channel)
    }
    sent = Notification.objects.filter(dedup_key__in=keys, status__in=ARRIVED)
    return {keys[key] for key in sent.values_list("dedup_key", flat=True)}


def _stand_in(failed: Notification, channel: str, cause: str) -> bool:
    instead = Notification(
        kind=failed.kind,
        channel=channel,
        subject=failed.subject,
        dedup_key=f"{PREFIX}{cause}:{channel}",
        context={**failed.context, "instead_of": failed.pk},
        priority=failed.priority,
    )
    instead.save(force_insert=True)  # composers ask which messages come before and after a row
    if not _is_worth_sending(instead):
        instead.delete()
        return False
    return True


def _is_worth_sending(instead: Notification) -> bool:
    answer = compose([instead])[instead.pk]
    codes_only = CHANNELS[instead.channel].stands_in_for_codes_only
    if isinstance(answer, NotComposed):
        return not codes_only  # a fault of ours: delivery asks again
    if isinstance(answer, Suppressed):
        return False
    return not codes_only or "code" in answer.context


def _cause(notification: Notification) -> str:
    """Return what the messages of all channels about one event have in common."""
    return notification.dedup_key.removeprefix(PREFIX).removesuffix(f":{notification.channel}")


def _rows(cause: str, channel: str) -> NotificationQuerySet:
    keys = [f"{cause}:{channel}", f"{PREFIX}{cause}:{channel}"]
    return Notification.objects.filter(dedup_key__in=keys)


def _lock(cause: str) -> None:
    """Lock `cause` until the end of the transaction, so that of two that fail together one sees the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fall back {cause}"])
