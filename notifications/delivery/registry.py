"""The ways out, by name. A message on a channel that is not listed waits until it is."""

from notifications.delivery.channel import Channel
from notifications.email.channel import EmailChannel
from notifications.sms.channel import SmsChannel

CHANNELS: dict[str, type[Channel]] = {channel.name: channel for channel in (EmailChannel, SmsChannel)}
