"""Checks for refusals of invalid input, and that nothing was stored."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection

from tests.world import (
    parcel,
)

TABLES = [
    "packages_app_package",
    "packages_app_recipient",
    "packages_app_packageevent",
    "packages_app_idempotencykey",
    "packages_app_wrongcodetally",
    "lockers_compartment",
    "lockers_compartmentevent",
    "lockers_kiosk",
    "notifications_notification",
]
INVALID = (422, "invalid_request")
BAD_JSON = (400, "invalid_json")


def stored() -> list[Any]:
    """Return every row that a call could change."""
    found = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found.append((table, cursor.fetchall()))
    return found


def check(response: Any, status: int, code: str) -> Any:
    """Check that the response is a problem document with this status and code."""
    assert response["Content-Type"] == "application/problem+json", response.content
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    if code == "invalid_request":
        assert body["errors"]
        assert all(set(error) == {"field", "message"} and error["message"] for error in body["errors"])
    return body


def changed(**changes: Any) -> Any:
    """Return a valid body with these changes; `__` in a name separates nested members, `...` removes one."""
    body = parcel("TLL-1", "T-1")
    for path, value in changes.items():
        *outer, name = path.split("__")
        inner = body
        for step in outer:
            inner = inner[step]
        if value is ...:
            del inner[name]
        else:
            inner[name] = value
    return body


def raw(before: str, after: str, **changes: Any) -> bytes:
    """Return the text of a valid body with one part replaced by what no JSON library would write."""
    text = json.dumps(changed(**changes))
    assert before in text
    return text.replace(before, after, 1).encode("utf-8", errors="surrogatepass")
