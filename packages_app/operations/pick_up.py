"""A recipient types a code at a kiosk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F

from lockers.models import Kiosk
from lockers.sql import fetch
from notifications.nudge import nudge, nudge_webhooks
from packages_app import codes, errors, queueing, statements
from packages_app.access import Caller
from packages_app.errors import Refusal
from packages_app.lifecycle import Status
from packages_app.models import Package, WrongCodeTally
from packages_app.operation import Operation

_KIOSK = """
SELECT kiosk.wrong_codes_in_row, kiosk.locked_until, coalesce(tally.failures, 0) AS failures_today,
       EXISTS (SELECT FROM packages_app_webhook) AS announces
FROM lockers_kiosk kiosk
LEFT JOIN packages_app_wrongcodetally tally
  ON tally.location_id = kiosk.location_id AND tally.day = %(today)s
WHERE kiosk.id = %(kiosk_id)s
FOR NO KEY UPDATE OF kiosk
"""


_FAILURES_TODAY = """
SELECT coalesce(sum(failures), 0) AS failures_today FROM packages_app_wrongcodetally
WHERE location_id = %(location_id)s AND day = %(today)s
"""
# The tally that comes with the kiosk's lock is as old as the wait for it: near the limit it is read anew.
_NEAR = 20

# How long a kiosk that lost the answer may ask again with the same nonce.
REPEATS_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Opened:
    """The door to open, and whose package lies in it."""

    package_id: UUID
    compartment_id: int
    label: str
    locker: str
    compartment_size: int
    repeated: bool = field(default=False, compare=False, repr=False)  # an earlier pickup's answer


@dataclass(frozen=True, slots=True)
class Typed:
    """What came from the kiosk."""

    code: str = field(repr=False)
    phone_last4: str | None = None
    nonce: str | None = None
    compartment_id: int | None = None


def pick_up(*, by: Caller, now: datetime, typed: Typed) -> Opened:
    """STORED → RETRIEVED for the package at the kiosk's location that has this code; its door is free.

    Eight digits are the recipient's own code, nine a delegate's: either opens once, and then neither. The
    same code with the same `nonce` within minutes gets the same answer, opens nothing new and gives no tries
    back. `compartment_id` (a keypad at one door) must be the package's own door.
    Raises `UnknownCode` (wrong, used, another location's, wrong phone digits: all alike), `CodeExpired` and
    `OnHold` (neither counts as wrong), `PhoneCheckRequired` (so many wrong codes here today that the phone is
    asked for too) and `TooManyAttempts` (the 5th wrong code in a row waits; the right one waits as well).
    """
    outcome = _attempt(by=by, now=now, typed=typed)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


@Operation
def _attempt(*, by: Caller, now: datetime, typed: Typed) -> Opened | Refusal:
    """A refusal is returned, not raised: the counted wrong code must be committed.

    The kiosk's row is locked first, so that parallel requests at one kiosk cannot try more codes than it
    allows.
    """
    assert by.kiosk_id is not None
    today = now.astimezone(ZoneInfo(by.time_zone)).date()
    guard = fetch(_KIOSK, {"kiosk_id": by.kiosk_id, "today": today})[0]
    if guard.locked_until is not None and guard.locked_until > now:
        seconds = int((guard.locked_until - now).total_seconds()) + 1
        return errors.TooManyAttempts(retry_after=seconds)
    if typed.phone_last4 is None and _bad_day(by, guard.failures_today, today):
        return errors.PhoneCheckRequired()
    digits = codes.clean(typed.code)
    if digits is None:
        return errors.UnknownCode()
    assert by.location_id is not None
    receipt = codes.receipt(by.location_id, digits, typed.nonce) if typed.nonce else None
    found = _open(by, now, typed, digits, receipt, announces=guard.announces) or _opened_before(
        by.location_id, now, receipt
    )
    if found is None:
        _count_wrong_code(by, guard.wrong_codes_in_row + 1, today, now)
        return errors.UnknownCode()
    if guard.wrong_codes_in_row and isinstance(found, Opened) and not found.repeated:
        Kiosk.objects.filter(pk=by.kiosk_id).update(wrong_codes_in_row=0, locked_until=None)
    return found


def _bad_day(by: Caller, failures_today: int, today: date) -> bool:
    """Whether the location's wrong codes of the day are used up."""
    limit = settings.PICKUP_DAILY_FAILURES
    if limit - _NEAR <= failures_today < limit:
        now = fetch(_FAILURES_TODAY, {"location_id": by.location_id, "today": today})
        failures_today = int(now[0].failures_today)
    return failures_today >= limit


def _open(
    by: Caller, now: datetime, typed: Typed, digits: str, receipt: bytes | None, *, announces: bool
) -> Opened | Refusal | None:
    """The opened door, or why it stays shut; None when nothing here opens with this."""
    assert by.location_id is not None
    by_delegate = len(digits) == codes.DELEGATE_DIGITS
    rows = fetch(
        statements.pick_up(by_delegate=by_delegate, announces=announces),
        {
            "location_id": by.location_id,
            "macs": codes.macs(by.location_id, digits),
            "compartment_id": typed.compartment_id,
            "phone_last4": typed.phone_last4,
            "receipt": receipt,
            "now": now,
            "by": by.actor.name,
        },
    )
    if not rows:
        return None
    row = rows[0]
    if row.id is None:
        held_back = row.status == Status.STORED and row.held_at is not None
        return errors.OnHold() if held_back else errors.CodeExpired()
    transaction.on_commit(nudge, robust=True)
    if row.announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    if row.awaited:
        transaction.on_commit(queueing.nudge, robust=True)
    return Opened(row.package_id, row.id, row.label, row.locker, row.size)


def _opened_before(location_id: int, now: datetime, receipt: bytes | None) -> Opened | None:
    """What this code and nonce have opened a moment ago; later the door may hold somebody else's package."""
    if receipt is None:
        return None
    package = (
        Package.objects.select_related("compartment__locker")
        .filter(
            location_id=location_id,
            pickup_receipt=receipt,
            status=Status.RETRIEVED,
            retrieved_at__gte=now - REPEATS_WITHIN,
        )
        .first()
    )
    if package is None:
        return None
    door = package.compartment
    return Opened(package.pk, door.pk, door.label, door.locker.name, door.size, repeated=True)


def _count_wrong_code(by: Caller, in_row: int, today: date, now: datetime) -> None:
    """In PostgreSQL, in the attempt's own transaction: no flushed cache and no crash gives tries back."""
    assert by.kiosk_id is not None
    assert by.location_id is not None
    wait = None
    if in_row > settings.PICKUP_FREE_ATTEMPTS:
        doublings = min(in_row - settings.PICKUP_FREE_ATTEMPTS - 1, 16)
        wait = now + min(settings.PICKUP_FIRST_WAIT * 2**doublings, settings.PICKUP_LONGEST_WAIT)
    Kiosk.objects.filter(pk=by.kiosk_id).update(wrong_codes_in_row=in_row, locked_until=wait)
    tally, _ = WrongCodeTally.objects.get_or_create(location_id=by.location_id, day=today)
    WrongCodeTally.objects.filter(pk=tally.pk).update(failures=F("failures") + 1)
