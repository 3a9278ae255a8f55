"""Refusals as problem documents and responses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import RequestFactory

from packages_app.api.problems import Problem, problem, problem_answer, respond
from packages_app.errors import (
    BusyTryAgain,
    ExtensionLimit,
    IdempotencyRunning,
    TooManyAttempts,
    UnknownPackage,
    WrongStatus,
)
from packages_app.payloads.answer import Answer

REQUEST = RequestFactory().post("/api/v1/packages/1/cancel")


def test_a_refusal_with_its_facts() -> None:
    answer = problem_answer(REQUEST, WrongStatus(status="RETRIEVED"))
    assert answer == Answer(
        409,
        {
            "type": "/api/v1/docs/problems#wrong_status",
            "title": "The status of the package does not allow this.",
            "status": 409,
            "detail": "The package is RETRIEVED.",
            "instance": "/api/v1/packages/1/cancel",
            "code": "wrong_status",
            "package_status": "RETRIEVED",
        },
    )
    Problem.model_validate(answer.body)


def test_times_among_the_facts() -> None:
    latest = datetime(2026, 12, 4, 12, 0, 59, 999, tzinfo=UTC)
    answer = problem_answer(REQUEST, ExtensionLimit("No.", latest=latest))
    assert json.loads(respond(answer).content)["latest"] == "2026-12-04T12:00:59Z"


@pytest.mark.parametrize(
    ("refusal", "status", "seconds"),
    [
        (IdempotencyRunning(), 409, "1"),
        (BusyTryAgain(), 503, "1"),
        (TooManyAttempts(retry_after=31), 429, "31"),
        (UnknownPackage(), 404, None),
    ],
)
def test_retry_after(refusal: Any, status: int, seconds: str | None) -> None:
    response = respond(problem_answer(REQUEST, refusal))
    assert response.status_code == status
    assert response.headers.get("Retry-After") == seconds


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/api/v1/pickup/48217730", "/api/v1/pickup"),
        ("/api/v1/pickup/4821 7730", "/api/v1/pickup"),
        ("/api/v1/pickup", "/api/v1/pickup"),
        ("/api/v1/returns", "/api/v1/returns"),
    ],
)
def test_no_code_in_the_instance(path: str, instance: str) -> None:
    request = RequestFactory().post(path)
    assert problem(request, status=404, code="x", title="X.").body["instance"] == instance


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "application/json"), (201, "application/json"), (404, "application/problem+json")],
)
def test_the_response(status: int, kind: str) -> None:
    response = respond(Answer(status, {"a": "ä"}))
    assert response["Content-Type"] == kind
    assert response["Cache-Control"] == "no-store"
    assert json.loads(response.content) == {"a": "ä"}
    assert "Idempotent-Replayed" not in response
    assert respond(Answer(status, {}, replayed=True))["Idempotent-Replayed"] == "true"
    assert "WWW-Authenticate" not in response


def test_unauthorized() -> None:
    assert respond(Answer(401, {}))["WWW-Authenticate"] == 'Bearer realm="Locker Portal"'
