"""Match delivery receipts with messages: a status goes from sent to bounced or delivered, never backwards.

Receipts come late, twice and in any order. The highest rank that was ever reported counts: delivered stays
delivered, and outranks a bounce, because some providers call a first failure a bounce and deliver later.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from notifications.delivery.fallback import fall_back
from notifications.delivery.leases import Clock
from notifications.models import TAKEN, Channel, Notification, Receipt, Status

logger = logging.getLogger(__name__)

RANKS = {Status.SENT: 0, Status.BOUNCED: 1, Status.DELIVERED: 2}
# A worker may need a while to record that it has sent a message; a receipt unmatched for longer is not ours.
LOOK_AGAIN_FOR = timedelta(minutes=15)
KEEP = timedelta(days=1)  # an older event that comes again changes nothing, because of the ranks
BATCH = 1000


def accept(receipt: Receipt) -> bool:
    """Save `receipt` and update its message; return whether that changed the message.

    One transaction. A repeated event changes nothing, not even a message that was sent again meanwhile. Raise
    only if the database fails: then nothing has changed, and the provider tries again.
    """
    fields = {field.name: getattr(receipt, field.name) for field in Receipt._meta.fields}
    fields["received_at"] = Clock().now()
    with transaction.atomic(durable=True):
        row, new = Receipt.objects.get_or_create(key=receipt.key, defaults=fields)
        return new and _match(row)


def match_waiting(*, now: datetime | None = None) -> int:
    """Match receipts that came before their message was recorded as sent; return how many changed one."""
    now = now or Clock().now()
    mine = Notification.objects.filter(provider=OuterRef("provider"), status__in=TAKEN)
    by_id = mine.filter(provider_id=OuterRef("provider_id"), provider__gt="", provider_id__gt="")
    waiting = Receipt.objects.filter(
        Exists(by_id) | Exists(mine.filter(pk=OuterRef("number"))),
        matched=False,
        received_at__gt=now - LOOK_AGAIN_FOR,
    )
    moved = 0
    for key in list(waiting.order_by("received_at").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic(durable=True):
            row = Receipt.objects.select_for_update(skip_locked=True).filter(pk=key, matched=False).first()
            if row is not None:
                moved += _match(row)
                # A receipt that matches no single message now never will, so it is not tried again.
                Receipt.objects.filter(pk=key).update(matched=True)
    return moved


def purge(*, now: datetime | None = None) -> int:
    """Delete old receipts; return how many."""
    before, deleted = (now or Clock().now()) - KEEP, 0
    while True:
        old = list(Receipt.objects.filter(received_at__lt=before).values_list("pk", flat=True)[:BATCH])
        deleted += Receipt.objects.filter(pk__in=old).delete()[0]
        if len(old) < BATCH:
            return deleted


def _match(receipt: Receipt) -> bool:
    message = _message_of(receipt)
    if message is None:
        logger.info("A receipt of %s matches no message that it accepted", receipt.provider)
        return False
    moved = _move(message, receipt)
    receipt.matched, receipt.provider_id, receipt.reason = (
        True,
        "",
        "",
    )  # they are kept by the message, which is erased in time
    receipt.save(update_fields=["matched", "provider_id", "reason"])
    return moved


def _message_of(receipt: Receipt) -> Notification | None:
    """Return the one message, locked. If both its number and the provider's id are given, they must agree."""
    taken = Notification.objects.select_for_update(no_key=True).exclude(channel=Channel.WEBHOOK)
    taken = taken.filter(provider=receipt.provider, status__in=TAKEN)
    if receipt.number is not None:
        same_try = Q(provider_id__in=["", receipt.provider_id]) if receipt.provider_id else Q()
        return taken.filter(same_try, pk=receipt.number).first()
    found = taken.filter(provider_id=receipt.provider_id, provider__gt="", provider_id__gt="")
    messages = list(found.order_by("pk")[:2])
    return messages[0] if len(messages) == 1 else None  # some gateways give every message the same id


def _move(message: Notification, receipt: Receipt) -> bool:
    if RANKS[Status(receipt.outcome)] <= RANKS[Status(message.status)]:
        return False
    message.status, message.reason = receipt.outcome, receipt.reason
    message.receipt_at = max(receipt.received_at, message.sent_at or receipt.received_at)
    message.save(update_fields=["status", "reason", "receipt_at"])
    if receipt.outcome == Status.BOUNCED:
        logger.warning(
            "Notification %d (%s by %s) has bounced: %s",
            message.pk,
            message.kind,
            message.channel,
            message.reason,
        )
        fall_back(message)
    return True
