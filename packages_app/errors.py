"""What the portal refuses to do with packages. The base and its promises: `lockers/errors.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockers.errors import BusyTryAgain, CompartmentInUse, Refusal, UnknownCompartment, UnknownLocation

if TYPE_CHECKING:
    from lockers.models import Location

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
    "NothingToResend",
    "OnHold",
    "PhoneCheckRequired",
    "Refusal",
    "TooManyAttempts",
    "TooManyWebhooks",
    "UnknownCode",
    "UnknownCompartment",
    "UnknownDelivery",
    "UnknownLocation",
    "UnknownPackage",
    "UnknownWebhook",
    "WebhookDisabled",
    "WrongStatus",
]


class UnknownPackage(Refusal):
    """There is no such package."""

    code = "unknown_package"
    status = 404


class WrongStatus(Refusal):
    """The package is in no status that allows this."""

    code = "wrong_status"

    def __init__(self, *, status: str) -> None:
        super().__init__(f"The package is {status}.", package_status=status)


class ChangedMeanwhile(Refusal):
    """The package has changed since it was looked at."""

    code = "changed_meanwhile"


class FitsNoCompartment(Refusal):
    """The package fits no compartment of any size."""

    code = "fits_no_compartment"
    status = 422

    def __init__(self, *, field: str = "dimensions") -> None:
        super().__init__(errors=[{"field": field, "message": "fits no compartment of any size"}])


class LocationFull(Refusal):
    """No compartment that fits is free at this location."""

    code = "location_full"

    def __init__(self, *, location: Location, size: int, accessible: bool) -> None:
        super().__init__()
        self.location, self.size, self.accessible = location, size, accessible


class LocationSuspended(Refusal):
    """The location takes no packages at present."""

    code = "location_suspended"


class DuplicateTrackingNumber(Refusal):
    """This tracking number already holds a compartment."""

    code = "duplicate_tracking_number"


class ExtensionLimit(Refusal):
    """The hold cannot be stretched that far at this location."""

    code = "extension_limit"


class OnHold(Refusal):
    """The package is being held back; please contact the courier."""

    code = "on_hold"


class NothingToResend(Refusal):
    """The recipient has no address that the portal could write to."""

    code = "no_recipient_address"


class IdempotencyConflict(Refusal):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"
    status = 422

    def __init__(self) -> None:
        message = "was used for another request"
        super().__init__(errors=[{"field": "Idempotency-Key", "message": message}])


class IdempotencyRunning(Refusal):
    """A request with this Idempotency-Key is still running."""

    code = "idempotency_key_running"


class UnknownCode(Refusal):
    """No package at this location opens with this code."""

    code = "unknown_code"
    status = 404


class CodeExpired(Refusal):
    """The hold of this package has ended; please contact the courier."""

    code = "expired"


class PhoneCheckRequired(Refusal):
    """The last four digits of the recipient's phone are needed as well."""

    code = "phone_check_required"
    status = 403


class TooManyAttempts(Refusal):
    """Too many wrong codes on this screen; please wait."""

    code = "too_many_attempts"
    status = 429


class UnknownWebhook(Refusal):
    """There is no such webhook."""

    code = "unknown_webhook"
    status = 404


class UnknownDelivery(Refusal):
    """There is no such delivery to this webhook."""

    code = "unknown_delivery"
    status = 404


class TooManyWebhooks(Refusal):
    """The courier has as many webhooks as it may have."""

    code = "too_many_webhooks"


class DuplicateWebhook(Refusal):
    """The courier has a webhook for this URL already."""

    code = "duplicate_webhook"


class WebhookDisabled(Refusal):
    """The webhook is disabled; enable it first."""

    code = "webhook_disabled"


class DeliveryUnderWay(Refusal):
    """This delivery has not ended yet: it is tried again by itself."""

    code = "delivery_under_way"
