"""Request bodies that describe recipients and delegates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from lockers.schemas import Text
from packages_app.api.schemas.fields import Email, LanguageCode, Phone, Strict

# The address that each channel needs, and what the validators check, in the terms of JSON Schema.
_ADDRESSES = {"email": "email", "sms": "phone"}
_NEEDS = {
    address: {"required": [address], "properties": {address: {"type": "string"}}}
    for address in _ADDRESSES.values()
}
_HAS_ADDRESS: dict[str, Any] = {"anyOf": list(_NEEDS.values())}
_HAS_EACH: dict[str, Any] = {
    "allOf": [
        {
            "if": {
                "required": ["channels"],
                "properties": {"channels": {"type": "array", "contains": {"const": channel}}},
            },
            "then": _NEEDS[address],
        }
        for channel, address in _ADDRESSES.items()
    ]
}


class PersonIn(Strict):
    """A person with an email address, a phone number, or both."""

    model_config = ConfigDict(json_schema_extra=_HAS_ADDRESS)

    name: Annotated[Text, StringConstraints(max_length=100), Field(examples=["Mari Tamm"])]
    email: Email | None = None
    phone: Phone | None = None
    language: LanguageCode = "en"

    @model_validator(mode="after")
    def has_address(self) -> PersonIn:
        """Reject a person without an email address or phone number."""
        if not self.email and not self.phone:
            raise ValueError("give an email, a phone, or both")
        return self


def _each_once(channels: list[str]) -> list[str]:
    if len(set(channels)) < len(channels):
        raise ValueError("must name each channel once")
    return channels


Channels = Annotated[
    list[Literal["email", "sms"]],
    AfterValidator(_each_once),
    Field(
        min_length=1,
        max_length=2,
        description="The channels for messages about this package; each needs its address. "
        "Omitted: every channel that has an address.",
        examples=[["email"]],
        json_schema_extra={"uniqueItems": True},
    ),
]


class RecipientIn(PersonIn):
    """The recipient of a package, and the channels for messages to them."""

    model_config = ConfigDict(json_schema_extra=_HAS_ADDRESS | _HAS_EACH)

    channels: Channels | None = None

    @model_validator(mode="after")
    def has_the_address_of_each_channel(self) -> RecipientIn:
        """Reject a channel without the address that it needs."""
        for channel in self.channels or []:
            if not getattr(self, _ADDRESSES[channel]):
                raise ValueError(f"channels with {channel} need the recipient's {_ADDRESSES[channel]}")
        return self

    @property
    def only_channel(self) -> str:
        """The only requested channel, or an empty string, as `Recipient` stores it."""
        return self.channels[0] if self.channels and len(self.channels) == 1 else ""
