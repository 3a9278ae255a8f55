"""Refusals as RFC 9457 problem documents, with the stable `code` that programs act on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Schema

from lockers.clock import moment
from packages_app.errors import Refusal
from packages_app.idempotency import Answer


class FieldError(Schema):
    field: str
    message: str


class Problem(Schema):
    """RFC 9457. `code` is stable; 422 lists its `errors`; `retry_after` is in seconds."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError] | None = None
    retry_after: int | None = None


PROBLEMS: dict[int, type[Problem]] = dict.fromkeys(
    (400, 401, 403, 404, 409, 411, 413, 415, 422, 429, 503), Problem
)

# Refusals after which trying again soon may help, and after how many seconds.
_RETRY = {"idempotency_key_running": 1, "busy": 1}


class InvalidIdempotencyKey(Refusal):
    """The Idempotency-Key must be 1 to 255 visible ASCII characters."""

    code = "invalid_idempotency_key"
    status = 400


def problem(
    request: HttpRequest, *, status: int, code: str, title: str, detail: str = "", **facts: Any
) -> Answer:
    """A problem document as an answer. `instance` is the call's path, without a pickup code in it."""
    instance = request.path
    if "/pickup/" in instance:
        instance = instance[: instance.index("/pickup/")] + "/pickup"
    body = {
        "type": f"/api/v1/docs/problems#{code}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "instance": instance,
        "code": code,
        **facts,
    }
    return Answer(status, body)


def problem_answer(request: HttpRequest, refusal: Refusal) -> Answer:
    """A refusal as a problem document."""
    facts = {
        name: moment(fact) if isinstance(fact, datetime) else fact for name, fact in refusal.facts.items()
    }
    if refusal.code in _RETRY:
        facts.setdefault("retry_after", _RETRY[refusal.code])
    return problem(
        request, status=refusal.status, code=refusal.code, title=refusal.title, detail=refusal.detail, **facts
    )


def respond(answer: Answer) -> HttpResponse:
    """The HTTP response of an answer, new or repeated."""
    kind = "application/json" if answer.status < 400 else "application/problem+json"
    response = HttpResponse(json.dumps(answer.body), status=answer.status, content_type=kind)
    if answer.replayed:
        response["Idempotent-Replayed"] = "true"
    if "retry_after" in answer.body:
        response["Retry-After"] = str(answer.body["retry_after"])
    if answer.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Locker Portal"'
    response["Cache-Control"] = "no-store"
    return response
