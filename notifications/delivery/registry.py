"""The implementations of the channels by which people are told, by name."""

from __future__ import annotations

from django.utils.module_loading import import_string

from notifications.channels.people import ADDRESS_FIELDS
from notifications.channels.registry import CHANNELS as ALL
from notifications.delivery.channel import Channel

CHANNELS: dict[str, type[Channel]] = {
    name: import_string(ALL[name].implementation) for name in ADDRESS_FIELDS
}
