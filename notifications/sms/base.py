"""The base class of SMS backends: derive one from it for a provider with its own API.

How to add one, step by step: `docs/how-to/add-an-sms-provider.md`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Provider:
    """A provider of SMS: its name in rows and in the admin, its backend's path, and its settings."""

    name: str
    backend: str
    url: str = ""
    token: str = field(default="", repr=False)
    sender: str = ""


class BaseSmsBackend(ABC):
    """A session with a provider, used by one worker for one batch."""

    # Which of SMS_GATEWAY_URL ("url") and SMS_GATEWAY_TOKEN ("token") the provider needs. Production does not
    # start without them, and the others are not handed to it.
    needs: ClassVar[frozenset[str]] = frozenset({"url", "token"})

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    @abstractmethod
    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Send `text` to `to` (E.164) and return the provider's id of it, or "".

        `reference` ("<kind>-<notification id>") is the same at each attempt, so that a provider that can may
        drop duplicates. Raise `DeliveryError` when the message was not accepted. Never take longer than
        `leases.SEND_LIMIT` seconds.
        """

    def close(self) -> None:  # noqa: B027 - not every provider has sessions
        """End the session; raise nothing."""
