"""Refusals as RFC 9457 problem documents, each with a stable `code` for programs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Schema

from common.clock import moment
from packages_app.errors import Refusal
from packages_app.payloads.answer import Answer


class FieldError(Schema):
    """What is wrong with one field. Nested fields are written with a dot, such as `recipient.email`."""

    field: str
    message: str


class Problem(Schema):
    """An RFC 9457 problem document.

    `code` is stable. A 422 lists what is wrong in `errors`. `retry_after` is in seconds.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError] | None = None
    retry_after: int | None = None


class InvalidIdempotencyKey(Refusal):
    """The Idempotency-Key must be 1 to 255 visible ASCII characters.

    Use a UUID or your own request number, such as `drop-off-4711`.
    """

    code = "invalid_idempotency_key"
    status = 400


def problem_type(code: str) -> str:
    """Return the address of the code's explanation on the page of all problems."""
    return f"/api/v1/docs/problems#{code}"


def problem(
    request: HttpRequest, *, status: int, code: str, title: str, detail: str = "", **facts: Any
) -> Answer:
    """Return a problem document. `instance` is the path of the call, without the pickup code."""
    instance = request.path
    if "/pickup/" in instance:
        instance = instance[: instance.index("/pickup/")] + "/pickup"
    body = {
        "type": problem_type(code),
        "title": title,
        "status": status,
        "detail": detail or title,
        "instance": instance,
        "code": code,
        **facts,
    }
    return Answer(status, body)


def problem_answer(request: HttpRequest, refusal: Refusal) -> Answer:
    """Return the problem document of a refusal."""
    facts = {
        name: moment(fact) if isinstance(fact, datetime) else fact for name, fact in refusal.facts.items()
    }
    if refusal.retry_after is not None:
        facts.setdefault("retry_after", refusal.retry_after)
    return problem(
        request, status=refusal.status, code=refusal.code, title=refusal.title, detail=refusal.detail, **facts
    )


def respond(answer: Answer) -> HttpResponse:
    """Return the HTTP response of a new or replayed answer."""
    if answer.status == 204:
        response = HttpResponse(status=204)
    else:
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
