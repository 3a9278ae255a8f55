"""Refusals of a request whose Idempotency-Key was used before."""

from __future__ import annotations

from common.refusals import Refusal


class IdempotencyConflict(Refusal):
    """This Idempotency-Key was used for another request.

    Use a new key for each distinct request: another path or body needs another key.
    """

    code = "idempotency_key_reused"
    status = 422
    example = {"errors": [{"field": "Idempotency-Key", "message": "was used for another request"}]}

    def __init__(self) -> None:
        message = "was used for another request"
        super().__init__(errors=[{"field": "Idempotency-Key", "message": message}])


class IdempotencyRunning(Refusal):
    """A request with this Idempotency-Key is still being processed.

    Send the same request again after `Retry-After` seconds to get the response of the first one.
    """

    code = "idempotency_key_running"
    retry_after = 1
