"""Pick up a package with a code that was typed at a kiosk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from common.operation import Step
from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks, wake_queue
from lockers.models import Kiosk
from packages_app import errors
from packages_app.core.actor import Actor
from packages_app.core.operation import Attempt
from packages_app.errors import Refusal
from packages_app.life.lifecycle import Status
from packages_app.models import WrongCodeTally
from packages_app.payloads.results import Opened
from packages_app.secrets import pickup_codes
from packages_app.sql import pickup

# How long a kiosk that lost the answer may repeat the call with the same nonce.
REPEATS_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class TypedCode:
    """What the kiosk sends: the code, and what goes with it."""

    code: str = field(repr=False)
    phone_last4: str | None = None
    nonce: str | None = None
    compartment_id: int | None = None


@Attempt
def pick_up(*, by: Actor, now: datetime, typed: TypedCode) -> Opened | Refusal:
    """Open the compartment of the package with this code at the kiosk's location, STORED → RETRIEVED.

    Eight digits are the recipient's own code, nine a delegate's: either works once, and then neither. The
    same code with the same `nonce` within minutes gets the same answer, opens nothing anew and resets no
    count of wrong codes. `compartment_id` (of a keypad at one compartment) must be the package's own.
    Raises `UnknownCode` (for a code that is wrong, used or another location's, and for wrong phone digits
    alike), `CodeExpired` and `OnHold` (neither counts as wrong), `PhoneCheckRequired` (after so many wrong
    codes here today that the phone digits are needed too), `TooManyAttempts` (from the 5th wrong code in a
    row on there is a delay, for the right one as well) and `BusyTryAgain`.

    One statement, its own transaction, unless something speaks against the kiosk.
    """
    digits = pickup_codes.clean(typed.code)
    row = None if digits is None else _open(by, now, typed, digits)
    if row is None or not row.may_try:
        return _check_kiosk_first(by=by, now=now, typed=typed, digits=digits)
    return _outcome(row)


@Step
def _check_kiosk_first(*, by: Actor, now: datetime, typed: TypedCode, digits: str | None) -> Opened | Refusal:
    """Lock the kiosk before anything is judged, then do the same."""
    assert by.kiosk_id is not None
    kiosk = Kiosk.objects.select_for_update(no_key=True).get(pk=by.kiosk_id)
    if kiosk.locked_until is not None and kiosk.locked_until > now:
        seconds = int((kiosk.locked_until - now).total_seconds()) + 1
        return errors.TooManyAttempts(retry_after=seconds)
    if typed.phone_last4 is None and _wrong_today(by, now) >= settings.PICKUP_DAILY_FAILURES:
        return errors.PhoneCheckRequired()
    if digits is None:
        return errors.UnknownCode()
    return _outcome(_open(by, now, typed, digits, sure=True))


def _wrong_today(by: Actor, now: datetime) -> int:
    """Return the number of wrong codes at the location today, as committed after the lock of the kiosk."""
    assert by.location_id is not None
    tallies = WrongCodeTally.objects.filter(location_id=by.location_id, day=_today(by, now))
    return tallies.values_list("failures", flat=True).first() or 0


class _Webhooks:
    """Whether any courier had a webhook when this process last saw; the statement looks for itself."""

    seen = True


def _open(by: Actor, now: datetime, typed: TypedCode, digits: str, *, sure: bool = False) -> Any:
    """Run the statement for a pickup, and return its row."""
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
        "by": by.name,
        "waits_until": by.until,
    }
    announces, by_delegate = _Webhooks.seen, len(digits) == pickup_codes.DELEGATE_DIGITS
    row = fetch(pickup.pick_up(by_delegate=by_delegate, announces=announces, sure=sure), parameters)[0]
    _Webhooks.seen = row.endpoints
    if row.endpoints and not announces:
        row = fetch(pickup.pick_up(by_delegate=by_delegate, sure=sure), parameters)[0]
    return row


def _outcome(row: Any) -> Opened | Refusal:
    """Return the opened compartment, or why it stays shut."""
    if row.late and not row.opened:
        return errors.BusyTryAgain()
    if row.package_id is None:
        return errors.UnknownCode()
    repeated = not row.opened and row.status == Status.RETRIEVED
    if not row.opened and not repeated:
        on_hold = row.status == Status.STORED and row.held_at is not None
        return errors.OnHold() if on_hold else errors.CodeExpired()
    if row.opened:
        transaction.on_commit(nudge, robust=True)
    if row.announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    if row.awaited:
        # The statement has freed the compartment, without its model, and looked whether anybody waits.
        transaction.on_commit(wake_queue, robust=True)
    return Opened(row.package_id, row.id, row.label, row.locker, row.size, repeated=repeated)


def _today(by: Actor, now: datetime) -> date:
    return now.astimezone(ZoneInfo(by.time_zone)).date()
