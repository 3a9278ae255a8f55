"""Every channel, and what the rest of the system derives from it.

A new channel is one entry here and one folder with its implementation: `docs/how-to/add-a-channel.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


class Channel(models.TextChoices):
    """How a message travels."""

    EMAIL = "email", "Email"
    SMS = "sms", "SMS"
    WEBHOOK = "webhook", "Webhook"


@dataclass(frozen=True)
class ChannelInfo:
    """What models, SQL and delivery ask about a channel without loading its implementation."""

    # The dotted path of its `notifications.delivery.channel.Channel`.
    implementation: str
    # The field of a person, and the column of its table, that holds the address. Empty: not for people.
    address_field: str = ""
    # A message makes a phone ring, so it waits for the end of a location's quiet hours.
    rings: bool = False
    # When another channel has failed, it takes only messages that show a pickup code.
    stands_in_for_codes_only: bool = False


# Among the channels for people, the order is that in which they stand in for one that has failed.
CHANNELS: dict[str, ChannelInfo] = {
    Channel.EMAIL: ChannelInfo("notifications.email.channel.EmailChannel", address_field="email"),
    Channel.SMS: ChannelInfo(
        "notifications.sms.channel.SmsChannel",
        address_field="phone",
        rings=True,
        stands_in_for_codes_only=True,
    ),
    Channel.WEBHOOK: ChannelInfo("notifications.webhooks.channel.WebhookChannel"),
}
