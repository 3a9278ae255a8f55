"""Whatever a test asks the API, the answer must be one that the OpenAPI document declares.

So the whole suite proves that no call gives a status, a code or a member that its readers cannot know of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import jsonschema_rs
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse

BASE = {"type", "title", "status", "detail", "instance", "code"}


@contextmanager
def answers_checked() -> Iterator[None]:
    """Inside, an undeclared answer of the API fails whoever asked."""
    ask = BaseHandler.get_response

    def checked(self: BaseHandler, request: HttpRequest) -> Any:
        answer = ask(self, request)
        # A file is no answer of a call, and a fault is what its test looks at.
        if isinstance(answer, HttpResponse) and answer.status_code != 500:
            check(request, answer)
        return answer

    with mock.patch.object(BaseHandler, "get_response", checked):
        yield


def check(request: HttpRequest, answer: HttpResponse) -> None:
    """Raises `AssertionError` for what the document does not declare."""
    match = request.resolver_match
    if match is None or not match.route.startswith("api/v1/"):
        return
    method = "get" if request.method == "HEAD" else str(request.method).lower()
    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", match.route)
    call = document()["paths"].get(path, {}).get(method)
    if call is None:
        return
    name, status = call["operationId"], str(answer.status_code)
    what = f"{name} answered {status} {answer.content.decode()[:500]}"
    assert status in call["responses"], f"{what}: not declared. Does the call need @refuses(…)?"
    content = call["responses"][status].get("content")
    if content is None:
        assert not answer.content, what
        return
    kind = answer.headers["Content-Type"]
    assert kind in content, what
    body = json.loads(answer.content)
    if kind == "application/problem+json":
        _check_problem(content[kind]["examples"], body, answer, what)
    error = next(_validator(path, method, status, kind).iter_errors(body), None)
    assert error is None, f"{what}: {error}"


def _check_problem(examples: Any, body: Any, answer: HttpResponse, what: str) -> None:
    assert body["code"] in examples, (
        f"{what}: {body['code']} is not declared. Does the call need @refuses(…)?"
    )
    known = BASE | {"retry_after"} | set(examples[body["code"]]["value"])
    assert set(body) <= known, (
        f"{what}: facts that the refusal's `example` does not show: {set(body) - known}"
    )
    assert answer.headers.get("Retry-After") == (str(body["retry_after"]) if "retry_after" in body else None)


@cache
def document() -> Any:
    """As readers get it."""
    from lockerportal.http.api import api  # not before the settings are read

    return json.loads(json.dumps(api.get_openapi_schema()))


@cache
def _closed_schemas() -> Any:
    """The document's schemas, without room for members that they do not name; only problems have facts."""
    schemas = json.loads(json.dumps(document()["components"]["schemas"]))
    for name, schema in schemas.items():
        if "properties" in schema and name != "Problem":
            schema["additionalProperties"] = False
    return schemas


@cache
def _validator(path: str, method: str, status: str, kind: str) -> Any:
    schema = document()["paths"][path][method]["responses"][status]["content"][kind]["schema"]
    return jsonschema_rs.Draft202012Validator({**schema, "components": {"schemas": _closed_schemas()}})
