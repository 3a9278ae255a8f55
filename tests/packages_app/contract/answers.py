"""Checks that every response of the API must pass."""

from __future__ import annotations

import re
from typing import Any

from ninja import Schema

from packages_app.api.problems import Problem

PACKAGE_FIELDS = [
    "id",
    "tracking_number",
    "status",
    "size",
    "location",
    "compartment",
    "created_at",
    "reserved_until",
    "opened_at",
    "stored_at",
    "expires_at",
    "retrieved_at",
    "cancelled_at",
    "returned_at",
    "held_at",
    "collected_by",
    "delegate",
]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CHANGES: list[tuple[str, Any]] = [
    ("deposit", None),
    ("reassign", {"reason": "damaged"}),
    ("cancel", None),
    ("extend", {"hours": 1}),
    ("return", None),
    ("resend-code", None),
    ("hold", None),
    ("release", None),
    ("delegate", {"name": "Juhan Juurikas", "phone": "+3725559876"}),
]
READS = ["", "/events", "/notifications"]


def declared(response: Any, status: int, schema: type[Schema]) -> Any:
    """Return the body, after checking the status and that the schema declares every field."""
    body = response.json()
    assert response.status_code == status, body
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    schema.model_validate(body)
    assert set(body) <= set(schema.model_fields)
    return body


def refused(response: Any, status: int, code: str) -> Any:
    """Return the problem document of a refusal, after checking its status and code."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    Problem.model_validate(body)
    assert body["status"] == status
    assert body["type"] == f"/api/v1/docs/problems#{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"].startswith("/api/v1/")
    return body
