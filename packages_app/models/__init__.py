"""Couriers and keys, recipients, packages and their history."""

from packages_app.models.couriers import ApiKey, Courier
from packages_app.models.package import (
    Package,
    PackageEvent,
    PackageQuerySet,
    Recipient,
)
from packages_app.models.safety import IdempotencyKey, WrongCodeTally

__all__ = [
    "ApiKey",
    "Courier",
    "IdempotencyKey",
    "Package",
    "PackageEvent",
    "PackageQuerySet",
    "Recipient",
    "WrongCodeTally",
]
