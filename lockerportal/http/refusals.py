"""Refusals of the API itself, before any operation runs."""

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
    """The request could not be understood.

    Either the Host header is not one of this portal's, or the request is malformed. Check the URL that you
    call.
    """

    code = "bad_request"
    status = 400


class InvalidJson(Refusal):
    """The request body is not valid JSON.

    Send one JSON document. No object may have the same name twice, and NaN and Infinity are not JSON.
    """

    code = "invalid_json"
    status = 400


class NotFound(Refusal):
    """There is nothing at this address.

    Compare the path with the documentation. No path ends with a slash.
    """

    code = "not_found"
    status = 404


class MethodNotAllowed(Refusal):
    """This path does not support this method.

    The `Allow` header lists the methods that it supports.
    """

    code = "method_not_allowed"
    status = 405


class LengthRequired(Refusal):
    """The request has no Content-Length: chunked bodies are not supported.

    Switch off chunked transfer encoding in your client.
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
    """The request body is not JSON in UTF-8.

    Send JSON in UTF-8 with `Content-Type: application/json`.
    """

    code = "unsupported_media_type"
    status = 415


class InvalidRequest(Refusal):
    """The request is not valid.

    `errors` lists each field that is missing, unknown or invalid, and says what is expected.
    """

    code = "invalid_request"
    status = 422
    example = {"errors": [{"field": "recipient.email", "message": "must be an email address"}]}


class DatabaseUnavailable(Refusal):
    """The database is not available right now.

    Nothing was left half done. Retry after `Retry-After` seconds, with the same Idempotency-Key.
    """

    code = "database_unavailable"
    status = 503
    retry_after = RETRY_AFTER_SECONDS


class InternalError(Refusal):
    """Something went wrong on our side.

    The error is in our log. Nothing was left half done, and a retry with the same Idempotency-Key is safe.
    """

    code = "internal_error"
    status = 500


# The refusal for a malformed id in a path, by parameter: the same as for an id that does not exist.
UNKNOWN: dict[str, type[Refusal]] = {
    "package_id": UnknownPackage,
    "compartment_id": UnknownCompartment,
    "webhook_id": UnknownWebhook,
    "delivery_id": UnknownDelivery,
    "entry_id": UnknownQueueEntry,
}
# Refusals for the errors that Django itself answers under /api/ before a view is found.
BY_STATUS: dict[int, type[Refusal]] = {
    refusal.status: refusal
    for refusal in (BadRequest, NotFound, MethodNotAllowed, BodyTooLarge, InternalError, DatabaseUnavailable)
}


def all_refusals(base: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """Return every refusal."""
    return [refusal for child in base.__subclasses__() for refusal in (child, *all_refusals(child))]
