"""SMS limits against pumping: fraud in which someone earns from every SMS that the portal sends.

A message is counted once, before its first attempt, in one transaction with the mark on its row: a worker
that is killed may have counted an SMS that was never sent, but no SMS is sent without being counted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal

import phonenumbers
from django.conf import settings
from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from notifications.delivery.leases import Batch, Clock
from notifications.messages import Message, Suppressed
from notifications.models import Notification, Tally
from notifications.sql import sms_counters
from notifications.text import gsm7, rendering

logger = logging.getLogger(__name__)

KEEP = timedelta(days=60)  # longer than there are messages about a package, whose count starts again then
CONCATENATED, CONCATENATED_UNICODE, ONE_SEGMENT_UNICODE = 153, 67, 70

# Staff search for this in the admin, and can send such SMS again (`operations.couriers.resend_sms`).
CAP_REACHED = "the courier's daily cap for SMS is reached"


@dataclass(frozen=True)
class Spent:
    """What a payer's SMS have cost in one day, and how many were refused because of its cap."""

    payer: str
    used: Decimal = Decimal(0)
    refused: int = 0


@dataclass(frozen=True)
class _Limit:
    key: str
    amount: Decimal
    most: Decimal
    reason: str


def charge(batch: Batch, messages: Mapping[int, Message]) -> dict[int, Suppressed]:
    """Count those of `messages` (by the ids of the batch's rows) that are new; return those that are refused.

    All or nothing for each message: one that a limit refuses counts against no other limit.
    """
    refused: dict[int, Suppressed] = {}
    limits: dict[int, list[_Limit]] = {}
    day = batch.clock.now().astimezone(UTC).date()
    for row in batch.rows:
        message = messages.get(row.pk)
        if message is None or message.payer is None or row.charged_at is not None:
            continue
        country = country_of(message.to)
        if settings.SMS_COUNTRIES and country not in settings.SMS_COUNTRIES:
            refused[row.pk] = Suppressed(
                f"no SMS are sent to numbers in this country ({country})", limited=True
            )
        else:
            limits[row.pk] = _limits(row, message, price(country) * _segments(row, message), day)
    if limits:
        refused.update(_count(batch, limits, day))
    return refused


def country_of(number: str) -> str:
    """Return the ISO code of the country of an E.164 number, "?" if it belongs to none."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "?"
    return phonenumbers.region_code_for_number(parsed) or "?"


def price(country: str) -> Decimal:
    """Return what one segment to a country costs."""
    return Decimal(settings.SMS_PRICES.get(country, settings.SMS_PRICES["default"]))


def cheapest() -> Decimal:
    """Return what the cheapest SMS costs: one segment, to a country to which SMS are sent."""
    return min(price(country) for country in settings.SMS_COUNTRIES or settings.SMS_PRICES)


def spent(payer: str, day: date) -> Spent:
    """Return what the SMS of one payer have cost on `day` (UTC)."""
    tally = Tally.objects.filter(pk=f"{_payer_key(day)}{payer}").first()
    return Spent(payer, tally.used, tally.refused) if tally else Spent(payer)


def spent_by_payers(day: date) -> list[Spent]:
    """Return the same for all payers that had SMS counted or refused."""
    tallies = Tally.objects.filter(key__startswith=_payer_key(day))
    return [Spent(tally.key.removeprefix(_payer_key(day)), tally.used, tally.refused) for tally in tallies]


def _payer_key(day: date) -> str:
    return f"payer:{day}:"


def purge() -> int:
    """Delete counters last used `KEEP` ago; return how many."""
    before = Clock().now().astimezone(UTC).date() - KEEP
    return Tally.objects.filter(day__lt=before).delete()[0]


def segments(text: str) -> int:
    """Return how many segments a text takes, in its alphabet."""
    places = gsm7.length(text)
    if places is None:
        units = len(text.encode("utf-16-le")) // 2
        return 1 if units <= ONE_SEGMENT_UNICODE else -(-units // CONCATENATED_UNICODE)
    return 1 if places <= gsm7.ONE_SEGMENT else -(-places // CONCATENATED)


def _segments(row: Notification, message: Message) -> int:
    try:
        return segments(rendering.sms(row.kind, message))
    except Exception:  # noqa: BLE001 - a broken template: sending fails too, and reports it
        return 1


def _limits(row: Notification, message: Message, cost: Decimal, day: date) -> list[_Limit]:
    assert message.payer is not None
    cap = message.payer.daily_cap
    number = salted_hmac(f"sms number {day}", message.to, algorithm="sha256").hexdigest()
    one = Decimal(1)
    return [
        _Limit(
            f"{_payer_key(day)}{message.payer.name}",
            cost,
            Decimal(str(settings.SMS_DAILY_CAP)) if cap is None else cap,
            CAP_REACHED,
        ),
        _Limit(
            f"number:{day}:{number}",
            one,
            Decimal(settings.SMS_PER_NUMBER),
            "the daily limit of SMS to this number is reached",
        ),
        _Limit(
            f"subject:{row.subject}",
            one,
            Decimal(settings.SMS_PER_PACKAGE),
            "the limit of SMS about this package is reached",
        ),
    ]


def _count(batch: Batch, limits: Mapping[int, list[_Limit]], day: date) -> dict[int, Suppressed]:
    refused: dict[int, Suppressed] = {}
    with transaction.atomic():
        ours = Notification.objects.filter(pk__in=limits, lease_token=batch.token, charged_at=None)
        owned = set(ours.select_for_update().values_list("pk", flat=True))
        tallies = _locked((limit.key for pk in owned for limit in limits[pk]), day)
        first = {key for key, tally in tallies.items() if not tally.refused}
        for pk in (pk for pk in limits if pk in owned):
            over = next(
                (limit for limit in limits[pk] if tallies[limit.key].used + limit.amount > limit.most), None
            )
            if over is not None:
                tallies[over.key].refused += 1
                refused[pk] = Suppressed(over.reason, limited=True)
                continue
            for limit in limits[pk]:
                tallies[limit.key].used += limit.amount
        Tally.objects.bulk_update(tallies.values(), ["used", "refused"])
        Notification.objects.filter(pk__in=owned - refused.keys()).update(charged_at=batch.clock.now())
    for key in sorted(first):
        if tallies[key].refused and key.startswith("payer:"):
            logger.warning("SMS are refused: %s has reached its daily cap (%s spent)", key, tallies[key].used)
    return refused


def _locked(keys: Iterable[str], day: date) -> dict[str, Tally]:
    with connection.cursor() as cursor:
        cursor.execute(sms_counters.LOCK, [day, sorted(set(keys))])
        return {
            key: Tally(key=key, used=used, refused=refused, day=day)
            for key, used, refused in cursor.fetchall()
        }
