"""What the API refuses before any room is asked."""

from __future__ import annotations

from packages_app.errors import (
    Refusal,
    UnknownCompartment,
    UnknownDelivery,
    UnknownPackage,
    UnknownQueueEntry,
    UnknownWebhook,
)
from packages_app.pages.away import RETRY_AFTER_SECONDS


class BadRequest(Refusal):
    """This request cannot be understood.

    The Host header is none of this portal's, or the request is broken: look at the address that you call.
    """

    code = "bad_request"
    status = 400


class InvalidJson(Refusal):
    """The body is no valid JSON.

    Send one JSON document, in which no object has a name twice; NaN and Infinity are none.
    """

    code = "invalid_json"
    status = 400


class NotFound(Refusal):
    """There is nothing here.

    No call has this path: compare it with the documentation. No path ends with a slash.
    """

    code = "not_found"
    status = 404


class MethodNotAllowed(Refusal):
    """This path knows no such method.

    The header `Allow` says which it knows.
    """

    code = "method_not_allowed"
    status = 405


class LengthRequired(Refusal):
    """Send the body with its Content-Length: one that comes in chunks is not read.

    Switch off the chunked transfer encoding in your client.
    """

    code = "length_required"
    status = 411


class BodyTooLarge(Refusal):
    """The body is too large.

    64 KB are enough for every call.
    """

    code = "body_too_large"
    status = 413


class UnsupportedEncoding(Refusal):
    """Send JSON in UTF-8.

    With `Content-Type: application/json`.
    """

    code = "unsupported_media_type"
    status = 415


class InvalidRequest(Refusal):
    """The request is not valid.

    `errors` names each field that is missing, unknown or wrong, and says what it must be.
    """

    code = "invalid_request"
    status = 422
    example = {"errors": [{"field": "recipient.email", "message": "must be an e-mail address"}]}


class DatabaseUnavailable(Refusal):
    """The database does not answer at present.

    Nothing was half done. Send the same again after `Retry-After` seconds, with the same Idempotency-Key.
    """

    code = "database_unavailable"
    status = 503
    retry_after = RETRY_AFTER_SECONDS


class InternalError(Refusal):
    """This is a fault of ours.

    It stands in our log. Nothing was half done; a repeat with the same Idempotency-Key is safe.
    """

    code = "internal_error"
    status = 500


# What a path names that can be no id: the same refusal as for one that does not exist.
UNKNOWN: dict[str, type[Refusal]] = {
    "package_id": UnknownPackage,
    "compartment_id": UnknownCompartment,
    "webhook_id": UnknownWebhook,
    "delivery_id": UnknownDelivery,
    "entry_id": UnknownQueueEntry,
}
# What Django itself answers under /api/, before a view is found.
BY_STATUS: dict[int, type[Refusal]] = {
    refusal.status: refusal
    for refusal in (BadRequest, NotFound, MethodNotAllowed, BodyTooLarge, InternalError, DatabaseUnavailable)
}


def all_refusals(base: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """Every refusal that there is."""
    return [found for child in base.__subclasses__() for found in (child, *all_refusals(child))]
