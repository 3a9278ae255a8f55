"""What the portal refuses to do with packages. The base and its promises: `lockers/errors.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

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


class UnknownPackage(Refusal):
    """There is no such package.

    Look at its id; a package of another courier is answered in just the same way.
    """

    code = "unknown_package"
    status = 404


class WrongStatus(Refusal):
    """The package is in no status that allows this.

    `package_status` says how it stands: read the package, and decide again.
    """

    code = "wrong_status"
    example = {"package_status": "RETRIEVED"}

    def __init__(self, *, status: str) -> None:
        super().__init__(f"The package is {status}.", package_status=status)


class ChangedMeanwhile(Refusal):
    """The package has changed since it was looked at.

    Read it again, and decide again.
    """

    code = "changed_meanwhile"


class FitsNoCompartment(Refusal):
    """The package fits no compartment of any size.

    It cannot be delivered to a locker. `errors` says what is too much: `dimensions` or `weight_g`.
    """

    code = "fits_no_compartment"
    status = 422
    example = {"errors": [{"field": "dimensions", "message": "fits no compartment of any size"}]}

    def __init__(self, *, field: str = "dimensions") -> None:
        super().__init__(errors=[{"field": field, "message": "fits no compartment of any size"}])


class LocationFull(Refusal):
    """No compartment that fits is free at this location.

    `alternatives` are the nearest locations that had room at `as_of`: ask again for one of them, with a new
    Idempotency-Key.
    """

    code = "location_full"
    example = {
        "as_of": "2026-11-20T10:59:00Z",
        "alternatives": [
            {"location": "TLL-02", "name": "Tallinn, Balti jaam", "distance_km": 0.8, "available": 3}
        ],
    }

    def __init__(self, *, location: Location, size: int, accessible: bool) -> None:
        super().__init__()
        self.location, self.size, self.accessible = location, size, accessible


class LocationSuspended(Refusal):
    """The location takes no packages at present.

    Bring the package to another location, or later; what lies there can still be collected.
    """

    code = "location_suspended"


class DuplicateTrackingNumber(Refusal):
    """This tracking number already holds a compartment.

    `package_id` is the package that has it. If it was you who brought it, read that one; a number is free
    again once its package is out of the door. With `queue: true`, `queue_id` is where it waits already.
    """

    code = "duplicate_tracking_number"
    example = {
        "package_id": "0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11",
        "queue_id": "0198f4a2-8d10-7b52-a3c4-6e1f9b7d2a30",
    }


class TooManyWaiting(Refusal):
    """As many of the courier's parcels wait for doors as may.

    Let some leave the queue, or ask where there is room; then again, with a new Idempotency-Key.
    """

    code = "too_many_waiting"


class UnknownQueueEntry(Refusal):
    """There is no such place in the queue.

    Nor is there one of another courier's. `GET /queue` lists yours.
    """

    code = "unknown_queue_entry"
    status = 404


class NotWaiting(Refusal):
    """It no longer waits in the queue.

    What was granted a door is the package `package_id`: cancel that one.
    """

    code = "not_waiting"
    example = {"queue_status": "GRANTED", "package_id": "0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11"}

    def __init__(self, *, status: str, package_id: UUID | None) -> None:
        detail = f"The place in the queue is {status}."
        super().__init__(
            detail, queue_status=status, package_id=None if package_id is None else str(package_id)
        )


class ExtensionLimit(Refusal):
    """The hold cannot be stretched that far at this location.

    `latest` is the last moment until which this location keeps it: ask for `hours` or fewer.
    """

    code = "extension_limit"
    example = {"latest": "2026-11-27T22:00:00Z", "hours": 96}


class NoDelegate(Refusal):
    """Nobody else was named who may collect the package.

    Name somebody first: `POST /packages/{id}/delegate`.
    """

    code = "no_delegate"


class OnHold(Refusal):
    """The package is being held back; please contact the courier.

    The door stays shut until the courier releases it; then the same code works.
    """

    code = "on_hold"


class NothingToResend(Refusal):
    """The recipient has no address that the portal could write to.

    Tell them yourself, with a key that has the scope `codes:read`.
    """

    code = "no_recipient_address"


class IdempotencyConflict(Refusal):
    """This Idempotency-Key was used for another request.

    Use one key for one wish: a new key for another path or body.
    """

    code = "idempotency_key_reused"
    status = 422
    example = {"errors": [{"field": "Idempotency-Key", "message": "was used for another request"}]}

    def __init__(self) -> None:
        message = "was used for another request"
        super().__init__(errors=[{"field": "Idempotency-Key", "message": message}])


class IdempotencyRunning(Refusal):
    """A request with this Idempotency-Key is still running.

    Send the same again after `Retry-After` seconds: you get the first one's answer.
    """

    code = "idempotency_key_running"
    retry_after = 1


class UnknownCode(Refusal):
    """No package at this location opens with this code.

    It is wrong, was used, or belongs to another location; all are answered alike. Let it be typed again.
    """

    code = "unknown_code"
    status = 404


class CodeExpired(Refusal):
    """The hold of this package has ended; please contact the courier.

    The door stays shut. The courier can extend the hold, and the code then works again.
    """

    code = "expired"


class PhoneCheckRequired(Refusal):
    """The last four digits of the recipient's phone are needed as well.

    So many wrong codes were typed here today. Ask for them and send `phone_last4`.
    """

    code = "phone_check_required"
    status = 403


class TooManyAttempts(Refusal):
    """Too many wrong codes on this screen; please wait.

    Nothing is looked at for `Retry-After` seconds, not even a right code.
    """

    code = "too_many_attempts"
    status = 429
    example = {"retry_after": 30}


class UnknownWebhook(Refusal):
    """There is no such webhook.

    Look for its id with `GET /webhooks`.
    """

    code = "unknown_webhook"
    status = 404


class UnknownDelivery(Refusal):
    """There is no such delivery to this webhook.

    Take the `id` of one of its deliveries.
    """

    code = "unknown_delivery"
    status = 404


class TooManyWebhooks(Refusal):
    """The courier has as many webhooks as it may have.

    Delete one that you need no more, or let one take more kinds of events.
    """

    code = "too_many_webhooks"


class DuplicateWebhook(Refusal):
    """The courier has a webhook for this URL already.

    `webhook_id` is that one.
    """

    code = "duplicate_webhook"
    example = {"webhook_id": "0198f4a2-9e11-7c33-8d5e-5a1b7c2d9e40"}


class WebhookDisabled(Refusal):
    """The webhook is disabled; enable it first.

    `POST /webhooks/{id}/enable`, when the endpoint works again.
    """

    code = "webhook_disabled"


class DeliveryUnderWay(Refusal):
    """This delivery has not ended yet: it is tried again by itself.

    `next_attempt_at` says when.
    """

    code = "delivery_under_way"
