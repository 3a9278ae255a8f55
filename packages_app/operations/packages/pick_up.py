"""A recipient types a code at a kiosk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks, wake_queue
from lockers.models import Kiosk
from packages_app import errors
from packages_app.core.actor import Caller
from packages_app.core.operation import Operation
from packages_app.errors import Refusal
from packages_app.life.lifecycle import Status
from packages_app.models import WrongCodeTally
from packages_app.payloads.results import Opened
from packages_app.secrets import pickup_codes
from packages_app.sql import drop_off_and_pickup

# How long a kiosk that lost the answer may ask again with the same nonce.
REPEATS_WITHIN = timedelta(minutes=5)


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
    asked for too), `TooManyAttempts` (the 5th wrong code in a row waits; the right one waits as well) and
    `BusyTryAgain`.

    One statement and nothing else, its own transaction, where nothing speaks against the kiosk.
    """
    digits = pickup_codes.clean(typed.code)
    row = None if digits is None else _press(by, now, typed, digits)
    if row is None or not row.may_try:
        outcome = _looked_at_closely(by=by, now=now, typed=typed, digits=digits)
    else:
        outcome = _outcome(row)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


@Operation
def _looked_at_closely(*, by: Caller, now: datetime, typed: Typed, digits: str | None) -> Opened | Refusal:
    """The same with the kiosk's lock in hand before anything is judged.

    A refusal is returned, not raised: the counted wrong code must be committed.
    """
    assert by.kiosk_id is not None
    kiosk = Kiosk.objects.select_for_update(no_key=True).get(pk=by.kiosk_id)
    if kiosk.locked_until is not None and kiosk.locked_until > now:
        seconds = int((kiosk.locked_until - now).total_seconds()) + 1
        return errors.TooManyAttempts(retry_after=seconds)
    if typed.phone_last4 is None and _wrong_today(by, now) >= settings.PICKUP_DAILY_FAILURES:
        return errors.PhoneCheckRequired()
    if digits is None:
        return errors.UnknownCode()
    return _outcome(_press(by, now, typed, digits, sure=True))


def _wrong_today(by: Caller, now: datetime) -> int:
    """Wrong codes at the location today, as committed after the kiosk's lock."""
    assert by.location_id is not None
    tallies = WrongCodeTally.objects.filter(location_id=by.location_id, day=_today(by, now))
    return tallies.values_list("failures", flat=True).first() or 0


class _Endpoints:
    """Whether any courier had one when this process last saw; the statement looks for itself."""

    seen = True


def _press(by: Caller, now: datetime, typed: Typed, digits: str, *, sure: bool = False) -> Any:
    """The row of `statements.pick_up`."""
    assert by.location_id is not None
    parameters = {
        "kiosk_id": by.kiosk_id,
        "location_id": by.location_id,
        "today": _today(by, now),
        "macs": pickup_codes.macs(by.location_id, digits),
        "compartment_id": typed.compartment_id,
        "phone_last4": typed.phone_last4,
        "receipt": pickup_codes.receipt(by.location_id, digits, typed.nonce) if typed.nonce else None,
        "repeats_since": now - REPEATS_WITHIN,
        "now": now,
        "by": by.actor.name,
        "waits_until": by.actor.until,
    }
    announces, by_delegate = _Endpoints.seen, len(digits) == pickup_codes.DELEGATE_DIGITS
    row = fetch(
        drop_off_and_pickup.pick_up(by_delegate=by_delegate, announces=announces, sure=sure), parameters
    )[0]
    _Endpoints.seen = row.endpoints
    if row.endpoints and not announces:
        row = fetch(drop_off_and_pickup.pick_up(by_delegate=by_delegate, sure=sure), parameters)[0]
    return row


def _outcome(row: Any) -> Opened | Refusal:
    """The opened door, or why it stays shut."""
    if row.late and not row.opened:
        return errors.BusyTryAgain()
    if row.package_id is None:
        return errors.UnknownCode()
    again = not row.opened and row.status == Status.RETRIEVED
    if not row.opened and not again:
        held_back = row.status == Status.STORED and row.held_at is not None
        return errors.OnHold() if held_back else errors.CodeExpired()
    if row.opened:
        transaction.on_commit(nudge, robust=True)
    if row.announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    if row.awaited:
        # The statement has freed the compartment, without its model, and looked whether anybody waits.
        transaction.on_commit(wake_queue, robust=True)
    return Opened(row.package_id, row.id, row.label, row.locker, row.size, repeated=again)


def _today(by: Caller, now: datetime) -> date:
    return now.astimezone(ZoneInfo(by.time_zone)).date()
