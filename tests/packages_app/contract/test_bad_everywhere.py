"""Input that no call accepts, tried on every call of the OpenAPI document, so also on new ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.test import Client

from tests.access import api, routes, table
from tests.access.asking import undone
from tests.access.world import World, make_world
from tests.packages_app.contract.bad import check, stored

pytestmark = pytest.mark.django_db

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"]
PATHS = {path.removeprefix("/api/v1"): set(calls) for path, calls in routes.DECLARED.items()}
CALLS = {
    f"{method.upper()} {path.removeprefix('/api/v1')}": call
    for path, calls in routes.DECLARED.items()
    for method, call in calls.items()
}
WITH_BODY = [name for name, call in CALLS.items() if "requestBody" in call]
WITH_KEY = [name for name, call in CALLS.items() if any(one["in"] == "header" for one in call["parameters"])]
WITH_QUERY = [name for name, call in CALLS.items() if name.startswith("GET")]
BODIES: list[tuple[str, bytes, str, int, str]] = [
    ("blank", b" ", "application/json", 400, "invalid_json"),
    ("broken", b'{"a": ', "application/json", 400, "invalid_json"),
    ("two documents", b"{}{}", "application/json", 400, "invalid_json"),
    ("a name twice", b'{"hours": 1, "hours": 2}', "application/json", 400, "invalid_json"),
    ("a name twice within", b'{"a": {"b": 1, "b": 1}}', "application/json", 400, "invalid_json"),
    ("NaN", b'{"a": NaN}', "application/json", 400, "invalid_json"),
    ("5,000 digits", b'{"a": ' + b"9" * 5000 + b"}", "application/json", 400, "invalid_json"),
    ("raw NUL", b'{"a": "\x00"}', "application/json", 400, "invalid_json"),
    ("deep arrays", b"[" * 30_000 + b"]" * 30_000, "application/json", 400, "invalid_json"),
    ("deep objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "application/json", 400, "invalid_json"),
    ("no UTF-8", b'{"a": "\xff"}', "application/json", 415, "unsupported_media_type"),
    ("UTF-16", '{"a": 1}'.encode("utf-16"), "application/json", 415, "unsupported_media_type"),
    ("XML", b"<a/>", "application/xml", 415, "unsupported_media_type"),
    ("form", b"--x--", "multipart/form-data; boundary=x", 415, "unsupported_media_type"),
    ("text", b"{}", "text/plain; charset=utf-8", 415, "unsupported_media_type"),
    ("too large", b" " * 65_537, "application/json", 413, "body_too_large"),
    ("array", b"[]", "application/json", 422, "invalid_request"),
    ("string", b'"x"', "application/json", 422, "invalid_request"),
    ("number", b"1e400", "application/json", 422, "invalid_request"),
    ("unknown name", b'{"status": "STORED"}', "application/json", 422, "invalid_request"),
    ("name with NUL", b'{"\\u0000": 1}', "application/json", 422, "invalid_request"),
    ("name with surrogate", b'{"\\ud800": 1}', "application/json", 422, "invalid_request"),
    ("value with surrogate", b'{"x": "\\ud800"}', "application/json", 422, "invalid_request"),
]
VALUES = [
    "%00",
    "a%00b",
    "%ff",
    "%ED%A0%80",
    "%E2%80%AE",
    "%E2%80%8B",
    "9" * 400,
    "-1",
    "1e400",
    "NaN",
    "'--",
    "%25",
    "",
]
NO_KEYS = ["", " ", "a b", "x" * 256, "a\x7f", "é", "a\tb"]


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def unchanged(world: World) -> Iterator[None]:
    before = stored()
    yield
    assert stored() == before


@pytest.mark.parametrize("path", PATHS)
def test_methods_that_a_path_does_not_know(path: str, world: World) -> None:
    _, url, key, _ = filled(next(name for name in CALLS if name.split(" ")[1] == path), world)
    before = stored()
    allowed = PATHS[path] | ({"head"} if "get" in PATHS[path] else set())
    for method in METHODS:
        if method.lower() in allowed:
            continue
        for headers in ({}, {"Authorization": f"Bearer {key}"}):
            answer = send(method, url, b"{}", headers=headers)
            assert answer.status_code == 405, (method, answer.status_code)
            assert {known.strip().lower() for known in answer["Allow"].split(",")} == allowed
            if method != "HEAD":
                check(answer, 405, "method_not_allowed")
    assert stored() == before


@pytest.mark.parametrize("name", WITH_QUERY)
def test_head_answers_as_get_does(name: str, world: World) -> None:
    """HEAD has the same status and headers as GET, with and without a key, for successes and errors."""
    _, url, key, _ = filled(name, world)
    for headers in ({"Authorization": f"Bearer {key}"}, {}):
        for asked in (url, f"{url}?nothing=1", f"{url}/nowhere"):
            got, head = (send(method, asked, headers=headers) for method in ("GET", "HEAD"))
            assert head.status_code == got.status_code, (asked, headers)
            assert dict(head.items()) == dict(got.items()), (asked, headers)
            assert got.content
            assert not head.content


@pytest.mark.parametrize("name", CALLS)
def test_addresses_that_are_nearly_right(name: str, world: World) -> None:
    method, url, key, _ = filled(name, world)
    before = stored()
    for wrong in (
        f"{url}/",
        f"{url}//",
        url.replace("/api/v1/", "/api/v1//"),
        url.replace("v1", "v2"),
        f"{url};x=1",
    ):
        answer = send(method, wrong, b"{}", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code in (404, 405), (wrong, answer.status_code)
        assert answer["Content-Type"] == "application/problem+json", wrong
        assert answer.json()["code"]
    assert stored() == before


@pytest.mark.parametrize("name", WITH_BODY)
@pytest.mark.usefixtures("unchanged")
def test_bodies_that_no_call_takes(name: str, world: World) -> None:
    with undone():
        method, url, key, _ = filled(name, world)
        before = stored()
        for what, body, kind, status, code in BODIES:
            answer = send(method, url, body, kind, headers={"Authorization": f"Bearer {key}"})
            assert (answer.status_code, answer.json()["code"]) == (status, code), (what, answer.content)
            check(answer, status, code)
            assert stored() == before, what


@pytest.mark.parametrize("name", WITH_KEY)
@pytest.mark.usefixtures("unchanged")
def test_idempotency_keys_that_no_call_takes(name: str, world: World) -> None:
    with undone():
        method, url, key, body = filled(name, world)
        before = stored()
        for wrong in NO_KEYS:
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": wrong}
            check(send(method, url, body, headers=headers), 400, "invalid_idempotency_key")
        assert stored() == before


@pytest.mark.parametrize("name", WITH_QUERY)
def test_queries_that_no_call_takes(name: str, world: World) -> None:
    """Check for a refusal with a code or a valid response, never a server error."""
    method, url, key, _ = filled(name, world)
    headers = {"Authorization": f"Bearer {key}"}
    check(send(method, f"{url}?nothing=1", headers=headers), 422, "invalid_request")
    check(send(method, f"{url}?%00=1", headers=headers), 422, "invalid_request")
    for one in CALLS[name]["parameters"]:
        if one["in"] != "query":
            continue
        example = one["example"] or 1
        check(
            send(method, f"{url}?{one['name']}={example}&{one['name']}={example}", headers=headers),
            422,
            "invalid_request",
        )
        for value in VALUES:
            answer = send(method, f"{url}?{one['name']}={value}", headers=headers)
            assert answer.status_code in (200, 404, 422), (value, answer.content)
            if "%00" in value:
                check(answer, 422, "invalid_request")


def filled(name: str, world: World) -> tuple[str, str, str, bytes]:
    """Return the method, URL, key and body of a valid call."""
    case = api.CASES.get(name, table.Case())
    ids: Mapping[str, Any] = case.names(world)
    method, path = name.split(" ")
    actor = next(actor for actor, status in api.ROWS[name].items() if status < 300)
    body = case.content(world, ids)
    content = b"" if body is None else json.dumps(body).encode()
    return method, f"/api/v1{path.format(**ids)}", world.keys[actor], content


def send(
    method: str, url: str, body: bytes = b"", kind: str = "application/json", *, headers: Mapping[str, str]
) -> Any:
    """Return the text of a request."""
    client = Client(raise_request_exception=False)
    return client.generic(method, url, body, content_type=kind, headers=dict(headers))
