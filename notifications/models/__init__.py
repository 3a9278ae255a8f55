"""The outbox, the endpoints of webhooks, circuit breakers, SMS limits and delivery receipts."""

from notifications.channels.registry import Channel
from notifications.models.channel_state import ChannelState
from notifications.models.destination import Destination
from notifications.models.notification import Notification, NotificationQuerySet
from notifications.models.receipt import Receipt
from notifications.models.states import ARRIVED, FAILED, OPEN, TAKEN, Status
from notifications.models.tally import Tally

__all__ = [
    "ARRIVED",
    "FAILED",
    "OPEN",
    "TAKEN",
    "Channel",
    "ChannelState",
    "Destination",
    "Notification",
    "NotificationQuerySet",
    "Receipt",
    "Status",
    "Tally",
]
