"""What a composer answers for a notification: a message to send, or why there is nothing to say any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from notifications.quiet_hours import QuietHours


@dataclass(frozen=True)
class Payer:
    """Who pays for SMS, by a name such as "courier:dpd"; `daily_cap` is money, None the usual one."""

    name: str
    daily_cap: Decimal | None = None


@dataclass(frozen=True)
class Message:
    """A message to one address; the words come from `templates/notifications/<kind>/` when it is sent.

    `to` is an e-mail address or an E.164 number, as the channel asks. Moments in `context` are aware and
    already in the zone in which they are to be shown. In its quiet hours the message waits for their end.
    An SMS with a `payer` counts against the limits in `notifications/delivery/sms_limits.py`; without one it
    has no limit.
    """

    to: str
    language: str
    context: dict[str, object] = field(default_factory=dict, repr=False)
    quiet_hours: QuietHours | None = None
    payer: Payer | None = None
    words: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The SMS that was made of it, by kind: what the limits count is what is sent."""


@dataclass(frozen=True)
class Suppressed:
    """The reason for the message has gone; `reason` is shown to staff.

    Or it has not, and only this channel is not to bring it: its receiver does not want it to (`unwanted`), or
    a limit does not let it (`limited`). See `notifications/delivery/fallback.py`.
    """

    reason: str
    unwanted: bool = False
    limited: bool = False
