"""Errors between the portal and a provider."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"[^\s<>\"']+@[^\s<>\"']+")
_DIGITS = re.compile(r"\+?\d(?:[ -]?\d){3,}")


class DeliveryError(Exception):
    """A message could not be handed over.

    `permanent`: a retry would fail again, so the message is dead. Otherwise it is retried, not before
    `retry_after` seconds if the provider named a time. `channel_failed`: the provider is at fault rather than
    this message; such failures open its circuit breaker. `gone`: the receiver wants no more messages.
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
    """Return `text` with a question mark for each character that cannot be printed.

    PostgreSQL rejects NUL and lone surrogates. A provider's words are stored after it has accepted the
    message, so an error of the database would cause the message to be sent again.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def public_reason(text: str) -> str:
    """Return `text` in one line, without addresses or anything that may be a phone number or pickup code.

    Providers often quote what they reject, and neither personal data nor codes may appear in a notification's
    row or in a log.
    """
    masked = _DIGITS.sub("…", _EMAIL.sub("…", text))
    return storable(" ".join(masked.split()))[:200]
