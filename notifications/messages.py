"""What a composer returns for a notification: a message to send, or why there is nothing left to say."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from notifications.quiet_hours import QuietHours


@dataclass(frozen=True)
class Payer:
    """The payer of SMS, by a name such as "courier:dpd"; `daily_cap` is money, None the default cap."""

    name: str
    daily_cap: Decimal | None = None


@dataclass(frozen=True)
class Message:
    """A message to one address; its text comes from `templates/notifications/<kind>/` when it is sent.

    `to` is an email address or an E.164 number, as the channel requires. Datetimes in `context` are aware and
    already in the time zone in which they are to be shown. In its quiet hours the message waits for their
    end. An SMS with a `payer` counts against the limits in `notifications/delivery/sms_limits.py`; without
    one it has no limit.
    """

    to: str
    language: str
    context: dict[str, object] = field(default_factory=dict, repr=False)
    quiet_hours: QuietHours | None = None
    payer: Payer | None = None
    words: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The rendered SMS by kind, so that the limits count exactly what is sent."""


@dataclass(frozen=True)
class Suppressed:
    """A message that is not sent, and why; `reason` is shown to staff.

    Usually there is nothing left to say. With `unwanted` or `limited` there is, but not on this channel:
    the receiver does not want it there, or a limit does not allow it (`notifications/delivery/fallback.py`).
    """

    reason: str
    unwanted: bool = False
    limited: bool = False
