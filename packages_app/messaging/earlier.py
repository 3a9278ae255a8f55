"""Messages that would say nothing new after those that were sent before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from notifications.models import ARRIVED, OPEN, Notification
from notifications.models import Status as MessageStatus

DAY = timedelta(days=1)


def nothing_new(rows: Sequence[Notification]) -> dict[int, str]:
    """Return why some of `rows` need not be sent, by their ids; three queries at most."""
    return _ends_told(rows) | _never_told(rows) | _returns_told(rows)


def _ends_told(rows: Sequence[Notification]) -> dict[int, str]:
    """Drop the end of a code for a delegate who never got it, or was told of its end before."""
    ended = [row for row in rows if row.kind == "delegate_ended"]
    if not ended:
        return {}
    about = Notification.objects.filter(
        kind__in=["delegated", "delegate_ended"],
        subject__in={row.subject for row in ended},
        status__in=[*OPEN, *ARRIVED],
    )
    said: dict[str, list[Notification]] = {}
    for one in about.order_by("sent_at", "id"):
        said.setdefault(one.context["delegate"], []).append(one)
    mine = {row.pk for row in rows}
    reasons = {row.pk: _of_end(row, said.get(row.context["delegate"], []), mine) for row in ended}
    return {pk: reason for pk, reason in reasons.items() if reason}


def _of_end(row: Notification, said: Sequence[Notification], mine: Collection[int]) -> str:
    # Those of the same batch are decided with these, and find no code to send either.
    sent = [one for one in said if one.status != MessageStatus.PENDING and one.pk not in mine]
    if not any(one.kind == "delegated" for one in sent):
        return "the delegate was never sent a code"
    if any(one.kind == row.kind and one.channel == row.channel and one.pk > row.pk for one in said):
        return "there is a later message about it"
    # An end that is on its way may yet be dropped, because of this one.
    told = [one for one in sent if one.kind != row.kind or one.status in ARRIVED]
    here = [one for one in told if one.channel == row.channel]
    return "they were told before" if here and here[-1].kind == row.kind else ""


def _never_told(rows: Sequence[Notification]) -> dict[int, str]:
    """Drop the cancellation of a package that its recipient was never told about on any channel."""
    off = [row for row in rows if row.kind == "cancelled"]
    if not off:
        return {}
    told = Notification.objects.filter(
        subject__in={row.subject for row in off}, status__in=[MessageStatus.SENDING, *ARRIVED]
    )
    # Those of the same batch are decided with these, and find nothing to say of a cancelled package either.
    told = told.exclude(kind="cancelled").exclude(pk__in=[row.pk for row in rows])
    subjects = set(told.values_list("subject", flat=True))
    return {row.pk: "the recipient was never told about it" for row in off if row.subject not in subjects}


def _returns_told(rows: Sequence[Notification]) -> dict[int, str]:
    """Tell at most once a day that a location is back, or people stop reading it.

    More often only if they were told meanwhile that it is out of service, or that their hold has ended.
    """
    back = [row for row in rows if row.kind == "location_resumed"]
    if not back:
        return {}
    about = Notification.objects.filter(
        Q(status__in=OPEN) | Q(status__in=ARRIVED, sent_at__gt=Now() - DAY),
        subject__in={row.subject for row in back},
        kind__in=["location_resumed", "location_suspended", "expired"],
    )
    said: dict[tuple[str, str], list[Notification]] = {}
    for one in about.order_by("sent_at", "id"):
        said.setdefault((one.subject, one.channel), []).append(one)
    reasons = {row.pk: _of_return(row, said.get((row.subject, row.channel), [])) for row in back}
    return {pk: reason for pk, reason in reasons.items() if reason}


def _of_return(row: Notification, said: Sequence[Notification]) -> str:
    if any(one.kind == row.kind and one.pk > row.pk for one in said):
        return "there is a later message about it"
    sent = [one for one in said if one.sent_at is not None]
    if sent and sent[-1].kind == row.kind:
        return "they were told within the day"
    return ""
