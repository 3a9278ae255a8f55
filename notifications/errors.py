"""What can go wrong between us and a provider."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"[^\s<>\"']+@[^\s<>\"']+")
_DIGITS = re.compile(r"\+?\d(?:[ -]?\d){3,}")


class DeliveryError(Exception):
    """A message could not be handed over.

    `permanent`: trying again would fail again; the message is dead. Otherwise it is tried later, not before
    `retry_after` seconds where the provider named a time. `channel_failed`: the provider is at fault, not
    this one message; such failures open the channel's breaker. `gone`: the receiver wants nothing any more.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        channel_failed: bool | None = None,
        gone: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
        self.channel_failed = not permanent if channel_failed is None else channel_failed
        self.gone = gone


def storable(text: str) -> str:
    """`text` with a question mark for what cannot be printed: PostgreSQL takes no NUL and no lone surrogate.

    A provider's words are written down after it has taken the message: a refusal by the database would
    have the message sent again.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def public_reason(text: str) -> str:
    """`text` in one line, without addresses and without anything that may be a number or a pickup code.

    Providers like to quote what they refuse, and neither personal data nor codes may stand in a
    notification's row or in a log.
    """
    masked = _DIGITS.sub("…", _EMAIL.sub("…", text))
    return storable(" ".join(masked.split()))[:200]
