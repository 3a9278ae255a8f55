"""Refusals of a request whose Idempotency-Key was seen before."""

from __future__ import annotations

from common.refusals import Refusal


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
