"""What an SMS backend promises; derive one from this for a provider with an API of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Provider:
    """Who sends SMS for us: the name in rows and in the admin, the backend's path, and what that asks for."""

    name: str
    backend: str
    url: str = ""
    token: str = field(default="", repr=False)
    sender: str = ""


class BaseSmsBackend(ABC):
    """A session with a provider. One worker uses it, for one batch."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    @abstractmethod
    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Send `text` to `to` (E.164) and return the provider's id of it, or "".

        `reference` ("<kind>-<notification id>") is the same at every try of one message, so that a provider
        who wants to can drop a copy. Raises `DeliveryError`; never takes longer than `leases.SEND_LIMIT`.
        """

    def close(self) -> None:  # noqa: B027 - not every provider has sessions
        """End the session; raises nothing."""
