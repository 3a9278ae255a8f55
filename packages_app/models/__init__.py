"""Couriers and keys, recipients, packages and their history."""

from packages_app.life.lifecycle import EventType
from packages_app.models.couriers import ApiKey, Courier
from packages_app.models.history import PackageEvent
from packages_app.models.package import Package
from packages_app.models.package_queryset import PackageQuerySet
from packages_app.models.people import AddressChoice, Delegate, Recipient
from packages_app.models.queue import QueueEntry, QueueEntryQuerySet, QueueStatus
from packages_app.models.reports import ReportSubscription, WeekAtLocation
from packages_app.models.returns import ReturnListDay
from packages_app.models.safety import Bookmark, IdempotencyKey, WrongCodeTally
from packages_app.models.webhooks import Webhook, WebhookQuerySet

__all__ = [
    "AddressChoice",
    "ApiKey",
    "Bookmark",
    "Courier",
    "Delegate",
    "EventType",
    "IdempotencyKey",
    "Package",
    "PackageEvent",
    "PackageQuerySet",
    "QueueEntry",
    "QueueEntryQuerySet",
    "QueueStatus",
    "Recipient",
    "ReportSubscription",
    "ReturnListDay",
    "Webhook",
    "WebhookQuerySet",
    "WeekAtLocation",
    "WrongCodeTally",
]
