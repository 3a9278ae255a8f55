"""Limits of SMS against pumping: who makes us send them earns from each one, so that each one is counted.

A message is counted once, before its first try, in one transaction with the mark on its row: a worker that
is killed may have counted what was never sent, and nothing is sent that was not counted.
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
from notifications.text import gsm7, rendering

logger = logging.getLogger(__name__)

KEEP = timedelta(days=60)  # longer than a package's messages go on, whose count begins anew then
CONCATENATED, CONCATENATED_UNICODE, ONE_SEGMENT_UNICODE = 153, 67, 70

# Rows are locked in the order of their keys, so that two workers never wait for each other.
_LOCK = """
INSERT INTO notifications_tally (key, day)
SELECT key, %s FROM unnest(%s::text[]) AS key ORDER BY key COLLATE "C"
ON CONFLICT (key) DO UPDATE SET day = EXCLUDED.day RETURNING key, used, refused
"""


# Staff look for it in the admin, and it can be sent again (`packages_app.operations.couriers.resend_sms`).
CAP_REACHED = "the courier's daily cap for SMS is reached"


@dataclass(frozen=True)
class Spent:
    """What a payer's SMS of one day have cost, and how many were refused because of its cap."""

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
    """Count those of `messages` (by the ids of the batch's rows) that were not yet; answer who is refused.

    All or nothing for each message: what one limit refuses counts against no other one.
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
                f"no SMS are sent to numbers of this country ({country})", limited=True
            )
        else:
            limits[row.pk] = _limits(row, message, price(country) * _segments(row, message), day)
    if limits:
        refused.update(_count(batch, limits, day))
    return refused


def country_of(number: str) -> str:
    """The ISO code of an E.164 number's country, "?" where it belongs to none."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "?"
    return phonenumbers.region_code_for_number(parsed) or "?"


def price(country: str) -> Decimal:
    """What one segment to it costs."""
    return Decimal(settings.SMS_PRICES.get(country, settings.SMS_PRICES["default"]))


def cheapest() -> Decimal:
    """What the cheapest SMS costs: one segment, to a country to which any are sent."""
    return min(price(country) for country in settings.SMS_COUNTRIES or settings.SMS_PRICES)


def spent(payer: str, day: date) -> Spent:
    """What one payer's SMS have cost on `day` (UTC)."""
    tally = Tally.objects.filter(pk=f"{_payer_key(day)}{payer}").first()
    return Spent(payer, tally.used, tally.refused) if tally else Spent(payer)


def spent_by_payers(day: date) -> list[Spent]:
    """The same of all who have spent anything, or would have."""
    found = Tally.objects.filter(key__startswith=_payer_key(day))
    return [Spent(one.key.removeprefix(_payer_key(day)), one.used, one.refused) for one in found]


def _payer_key(day: date) -> str:
    return f"payer:{day}:"


def purge() -> int:
    """Forget what was spent long ago; return how many limits."""
    before = Clock().now().astimezone(UTC).date() - KEEP
    return Tally.objects.filter(day__lt=before).delete()[0]


def segments(text: str) -> int:
    """How many SMS a text makes, in its alphabet."""
    places = gsm7.length(text)
    if places is None:
        units = len(text.encode("utf-16-le")) // 2
        return 1 if units <= ONE_SEGMENT_UNICODE else -(-units // CONCATENATED_UNICODE)
    return 1 if places <= gsm7.ONE_SEGMENT else -(-places // CONCATENATED)


def _segments(row: Notification, message: Message) -> int:
    try:
        return segments(rendering.sms(row.kind, message))
    except Exception:  # noqa: BLE001 - a broken template: sending fails of it too, and tells of it
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
            "this number has had its SMS of the day",
        ),
        _Limit(
            f"subject:{row.subject}",
            one,
            Decimal(settings.SMS_PER_PACKAGE),
            "there were enough SMS about this package",
        ),
    ]


def _count(batch: Batch, limits: Mapping[int, list[_Limit]], day: date) -> dict[int, Suppressed]:
    refused: dict[int, Suppressed] = {}
    with transaction.atomic():
        ours = Notification.objects.filter(pk__in=limits, lease_token=batch.token, charged_at=None)
        held = set(ours.select_for_update().values_list("pk", flat=True))
        tallies = _locked((limit.key for pk in held for limit in limits[pk]), day)
        first = {key for key, tally in tallies.items() if not tally.refused}
        for pk in (pk for pk in limits if pk in held):
            over = next((one for one in limits[pk] if tallies[one.key].used + one.amount > one.most), None)
            if over is not None:
                tallies[over.key].refused += 1
                refused[pk] = Suppressed(over.reason, limited=True)
                continue
            for one in limits[pk]:
                tallies[one.key].used += one.amount
        Tally.objects.bulk_update(tallies.values(), ["used", "refused"])
        Notification.objects.filter(pk__in=held - refused.keys()).update(charged_at=batch.clock.now())
    for key in sorted(first):
        if tallies[key].refused and key.startswith("payer:"):
            logger.warning("SMS are refused: %s has reached its daily cap (%s spent)", key, tallies[key].used)
    return refused


def _locked(keys: Iterable[str], day: date) -> dict[str, Tally]:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [day, sorted(set(keys))])
        return {
            key: Tally(key=key, used=used, refused=refused, day=day)
            for key, used, refused in cursor.fetchall()
        }
