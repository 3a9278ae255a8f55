"""The ways out, by name. A message on a channel that is not listed waits until it is."""

from notifications.channels.base import Channel
from notifications.channels.email import EmailChannel
from notifications.channels.sms import SmsChannel

CHANNELS: dict[str, type[Channel]] = {channel.name: channel for channel in (EmailChannel, SmsChannel)}
