"""The delays between attempts to send a message, and Retry-After."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST = 5.0  # seconds
LONGEST = 3600.0

# For webhooks, as Standard Webhooks recommends: ten attempts in a little over three days.
_MINUTE, _HOUR = 60, 3600
WEBHOOK_DELAYS = (
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24)),
)
WEBHOOK_ATTEMPTS = len(WEBHOOK_DELAYS) + 1
WEBHOOK_LONGEST = 24.0 * _HOUR


def delay(attempts: int, *, retry_after: float | None = None) -> timedelta:
    """Return how long to wait after the failure of attempt number `attempts`, counted from 1.

    U(½, 1) · min(1 h, 5 s · 2^(attempts-1)), but never less than the `retry_after` seconds that the provider
    asked for, up to an hour.
    """
    longest = min(LONGEST, FIRST * 2 ** min(attempts - 1, 20))
    seconds = longest * random.uniform(0.5, 1)  # noqa: S311 - only spreads load
    return timedelta(seconds=max(seconds, min(retry_after or 0.0, LONGEST)))


def webhook_delay(attempts: int, *, retry_after: float | None = None) -> timedelta:
    """Return the same for a webhook: `WEBHOOK_DELAYS`, give or take a tenth, or what the receiver asked for.

    A `retry_after` of up to a day is respected. After attempt number `WEBHOOK_ATTEMPTS` there is no other.
    """
    seconds = WEBHOOK_DELAYS[attempts - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - as above
    return timedelta(seconds=max(seconds, min(retry_after or 0.0, WEBHOOK_LONGEST)))


def seconds_in(retry_after: str | None) -> float | None:
    """Return Retry-After in seconds, given as a number or a date; None if it is neither."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
