"""The other channel, where one has failed for good: e-mail for SMS, and SMS for an e-mail with a code.

What stands in has a row of its own, once for each cause and channel. It has the priority and the context of
the failed one, and `instead_of` in it, so that composers can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from common.wakeup import nudge
from notifications.composing import NotComposed, compose
from notifications.messages import Suppressed
from notifications.models import ARRIVED, FAILED, Channel, Notification, NotificationQuerySet, Status

OTHER = {Channel.SMS: Channel.EMAIL, Channel.EMAIL: Channel.SMS}
PREFIX = "instead:"
ENDED_IN_VAIN = (*FAILED, Status.SUPPRESSED)


def fall_back(notification: Notification) -> bool:
    """Send by the other channel what `notification` could not bring; answer whether anything is to be sent.

    Call it in the transaction in which the message becomes dead or bounced, for one message in each. Nothing
    is sent where the other channel has, or had, the same message already, where the receiver has no such
    address or there is nothing to say any more, and by SMS nothing but what shows a code. Called again it
    does nothing more.
    """
    channel = OTHER.get(Channel(notification.channel))
    if channel is None:
        return False
    cause = _cause(notification)
    with transaction.atomic():
        _lock(cause)
        # What was suppressed there was perhaps unwanted, and now it is needed: its composer knows.
        if _rows(cause, channel).exclude(dedup_key=f"{cause}:{channel}", status=Status.SUPPRESSED).exists():
            return False
        instead = Notification(
            kind=notification.kind,
            channel=channel,
            subject=notification.subject,
            dedup_key=f"{PREFIX}{cause}:{channel}",
            context={**notification.context, "instead_of": notification.pk},
            priority=notification.priority,
        )
        instead.save(force_insert=True)  # composers ask what stands before and behind a row
        if not _is_worth_sending(instead):
            instead.delete()
            return False
        transaction.on_commit(nudge, robust=True)
    return True


def fall_back_here(notification: Notification) -> None:
    """`notification` was not wanted by its channel: where the other has failed, it is needed after all."""
    channel = OTHER.get(Channel(notification.channel))
    if channel is None:
        return
    with transaction.atomic():
        cause = _cause(notification)
        _lock(cause)
        for failed in _rows(cause, channel).filter(status__in=ENDED_IN_VAIN).order_by("id"):
            fall_back(failed)


def brought_instead(notifications: Sequence[Notification]) -> set[int]:
    """Those, by their ids, whose message has gone out by the other channel in their place."""
    keys = {
        f"{PREFIX}{_cause(row)}:{OTHER[Channel(row.channel)]}": row.pk
        for row in notifications
        if row.channel in OTHER
    }
    sent = Notification.objects.filter(dedup_key__in=keys, status__in=ARRIVED)
    return {keys[key] for key in sent.values_list("dedup_key", flat=True)}


def _is_worth_sending(instead: Notification) -> bool:
    answer = compose([instead])[instead.pk]
    if instead.channel == Channel.EMAIL and isinstance(answer, NotComposed):
        return True  # a fault of ours: delivery asks again
    if isinstance(answer, Suppressed | NotComposed):
        return False
    return instead.channel == Channel.EMAIL or "code" in answer.context


def _cause(notification: Notification) -> str:
    """What the messages of all channels have in common."""
    return notification.dedup_key.removeprefix(PREFIX).removesuffix(f":{notification.channel}")


def _rows(cause: str, channel: Channel) -> NotificationQuerySet:
    keys = [f"{cause}:{channel}", f"{PREFIX}{cause}:{channel}"]
    return Notification.objects.filter(dedup_key__in=keys)


def _lock(cause: str) -> None:
    """Until the end of the transaction: of two that fail together the later sees what came of the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fall back {cause}"])
