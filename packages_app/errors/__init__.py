"""Refusals about packages; the base class is `common.refusals.Refusal`."""

from common.refusals import BusyTryAgain, Refusal
from lockers.errors import CompartmentInUse, UnknownCompartment, UnknownLocation
from packages_app.errors.drop_off import (
    DuplicateTrackingNumber,
    FitsNoCompartment,
    LocationFull,
    LocationSuspended,
    NotWaiting,
    TooManyWaiting,
    UnknownQueueEntry,
)
from packages_app.errors.idempotency import IdempotencyConflict, IdempotencyRunning
from packages_app.errors.packages import (
    ChangedMeanwhile,
    ExtensionLimit,
    NoDelegate,
    NothingToResend,
    UnknownPackage,
    WrongStatus,
)
from packages_app.errors.pickup import CodeExpired, OnHold, PhoneCheckRequired, TooManyAttempts, UnknownCode
from packages_app.errors.webhooks import (
    DeliveryUnderWay,
    DuplicateWebhook,
    TooManyWebhooks,
    UnknownDelivery,
    UnknownWebhook,
    WebhookDisabled,
)

__all__ = [
    "BusyTryAgain",
    "ChangedMeanwhile",
    "CodeExpired",
    "CompartmentInUse",
    "DeliveryUnderWay",
    "DuplicateTrackingNumber",
    "DuplicateWebhook",
    "ExtensionLimit",
    "FitsNoCompartment",
    "IdempotencyConflict",
    "IdempotencyRunning",
    "LocationFull",
    "LocationSuspended",
    "NoDelegate",
    "NotWaiting",
    "NothingToResend",
    "OnHold",
    "PhoneCheckRequired",
    "Refusal",
    "TooManyAttempts",
    "TooManyWaiting",
    "TooManyWebhooks",
    "UnknownCode",
    "UnknownCompartment",
    "UnknownDelivery",
    "UnknownLocation",
    "UnknownPackage",
    "UnknownQueueEntry",
    "UnknownWebhook",
    "WebhookDisabled",
    "WrongStatus",
]
