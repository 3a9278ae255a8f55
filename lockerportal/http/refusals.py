"""Refusals that any call of the API may cause."""

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
    """The request cannot be understood.

    The Host header does not belong to this portal, or the request is malformed: check the URL.
    """

    code = "bad_request"
    status = 400


class InvalidJson(Refusal):
    """The request body is not valid JSON.

    Send one JSON document without duplicate names in an object, and without NaN or Infinity.
    """

    code = "invalid_json"
    status = 400


class NotFound(Refusal):
    """There is no such path.

    Compare the path with the documentation. No path ends with a slash.
    """

    code = "not_found"
    status = 404


class MethodNotAllowed(Refusal):
    """This path does not support the method.

    The `Allow` header lists the methods that it supports.
    """

    code = "method_not_allowed"
    status = 405


class LengthRequired(Refusal):
    """The request needs a Content-Length header; chunked bodies are not accepted.

    Turn off chunked transfer encoding in your client.
    """

    code = "length_required"
    status = 411


class BodyTooLarge(Refusal):
    """The request body is too large.

    No call needs more than 64 KB.
    """

    code = "body_too_large"
    status = 413


class UnsupportedEncoding(Refusal):
    """The request body must be JSON in UTF-8.

    Send it with `Content-Type: application/json`.
    """

    code = "unsupported_media_type"
    status = 415


class InvalidRequest(Refusal):
    """The request is not valid.

    `errors` names each field that is missing, unknown or invalid, and says what it must be.
    """

    code = "invalid_request"
    status = 422
    example = {"errors": [{"field": "recipient.email", "message": "must be an email address"}]}


class DatabaseUnavailable(Refusal):
    """The database is not responding right now.

    No partial changes were made. Send the same request again after `Retry-After` seconds, with the same
    Idempotency-Key.
    """

    code = "database_unavailable"
    status = 503
    retry_after = RETRY_AFTER_SECONDS


class InternalError(Refusal):
    """The portal has failed.

    The error has been logged, and no partial changes were made. A repeat with the same Idempotency-Key is
    safe.
    """

    code = "internal_error"
    status = 500


# A path parameter that cannot be an id gets the same refusal as an id that does not exist.
UNKNOWN: dict[str, type[Refusal]] = {
    "package_id": UnknownPackage,
    "compartment_id": UnknownCompartment,
    "webhook_id": UnknownWebhook,
    "delivery_id": UnknownDelivery,
    "entry_id": UnknownQueueEntry,
}
# For errors under /api/ that Django raises before a view is found.
BY_STATUS: dict[int, type[Refusal]] = {
    refusal.status: refusal
    for refusal in (BadRequest, NotFound, MethodNotAllowed, BodyTooLarge, InternalError, DatabaseUnavailable)
}


def all_refusals(base: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """Return all subclasses of `base`, at any depth."""
    return [found for child in base.__subclasses__() for found in (child, *all_refusals(child))]
