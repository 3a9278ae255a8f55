"""The retry clock: when a message that could not be handed over is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

FIRST = 5.0  # seconds
LONGEST = 3600.0


def delay(attempts: int, *, retry_after: float | None = None) -> timedelta:
    """How long to wait after the failure of attempt number `attempts`, which is 1 or more.

    U(½, 1) · min(1 h, 5 s · 2^(attempts-1)), and never less than the provider asked for with
    `retry_after` seconds (of which an hour is believed).
    """
    longest = min(LONGEST, FIRST * 2 ** min(attempts - 1, 20))
    seconds = longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
    return timedelta(seconds=max(seconds, min(retry_after or 0.0, LONGEST)))
