"""The OpenAPI document, with every status, code, header and example of every call.

django-ninja describes the input of a call and its successful answer. This module adds the errors that any
key, path, query, body or Idempotency-Key can cause, and those that the call declares with `@refuses`.
Examples of bodies are built from the examples of their fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema
from ninja.operation import Operation

from lockerportal.http import refusals
from lockerportal.http.examples import example_of
from packages_app.api.problems import InvalidIdempotencyKey, Problem, problem_type
from packages_app.errors import IdempotencyConflict, IdempotencyRunning, Refusal

DESCRIPTION = """\
For couriers: find room, drop off, take back. For kiosks: open a door for a pickup code.

Every error is an RFC 9457 problem document with a stable `code`; the page of
[all codes](/api/v1/docs/problems)
says what to do about each. A courier's POST or DELETE accepts an `Idempotency-Key`: a retry with the same
key and body gets the same answer. Times are RFC 3339 in UTC. Lists are paginated with `cursor`."""

TAGS = {
    "couriers": "Drop off packages, change them, track them, take them back.",
    "queue": "Wait for a compartment at a full location.",
    "locations": "Find lockers, and locations with room.",
    "kiosks": "Calls of the screen or controller at a locker.",
    "faults": "Report compartments that do not work.",
    "webhooks": "Receive events, in the format of Standard Webhooks.",
}
# The refusals of every call.
ALWAYS = (refusals.BadRequest, refusals.DatabaseUnavailable)
IDEMPOTENT = (InvalidIdempotencyKey, IdempotencyRunning, IdempotencyConflict)

_TEXT, _SECONDS = {"type": "string"}, {"type": "integer", "minimum": 0}
_RETRY_AFTER = {"description": "Seconds to wait before a retry", "schema": _SECONDS, "example": 2}
_LIMITS = {
    "RateLimit-Policy": {
        "description": "Each limit that counted this call: `q` calls, all available again after `w` seconds",
        "schema": _TEXT,
        "example": '"key";q=20000;w=4',
    },
    "RateLimit": {
        "description": "The state of each limit: `r` calls left, all `q` available again after `t` seconds",
        "schema": _TEXT,
        "example": '"key";r=19999;t=1',
    },
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {"description": "The kind of key to send", "schema": _TEXT, "example": "Bearer"}
    },
    429: {"Retry-After": _RETRY_AFTER, **_LIMITS},
    503: {"Retry-After": _RETRY_AFTER},
}
_REPLAYED = {
    "description": "Present and `true` if this is the stored answer of an earlier request",
    "schema": {"type": "string", "enum": ["true"]},
    "example": "true",
}


class DocumentedAPI(NinjaAPI):
    """The API with a complete OpenAPI document."""

    def answer_head(self) -> None:
        """Answer HEAD wherever GET is answered; the web server drops the body. Add all routers before."""
        for operation in self._operations():
            if "GET" in operation.methods:
                operation.methods.append("HEAD")

    def get_openapi_schema(self, **parameters: Any) -> OpenAPISchema:
        """Return the document, with all answers of each call."""
        document = super().get_openapi_schema(**parameters)
        schemas = document["components"]["schemas"]
        problem = Problem.model_json_schema(ref_template=REF_TEMPLATE)
        schemas.update(problem.pop("$defs"), Problem=problem)
        declared = self._declared()
        for path, calls in document["paths"].items():
            calls.pop("head", None)  # the same as GET, as everywhere in HTTP
            for method, call in calls.items():
                possible = {*_general(path, method, call), *declared[call["operationId"]]}
                _complete(call, schemas, problems(possible, path))
        for scheme in document["components"]["securitySchemes"].values():
            scheme["description"] = "The API key that staff created for you and showed once."
        document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
        return document

    def _declared(self) -> dict[str, tuple[type[Refusal], ...]]:
        return {operation.operation_id or "": _of_call(operation) for operation in self._operations()}

    def _operations(self) -> Iterator[Operation]:
        for router in self._get_bound_routers():
            for view in router.path_operations.values():
                yield from view.operations


def _of_call(operation: Operation) -> tuple[type[Refusal], ...]:
    of_keys = (getattr(auth, "refusals", ()) for auth in operation.auth_callbacks)
    return tuple(chain(getattr(operation.view_func, "refusals", ()), *of_keys))


def _general(path: str, method: str, call: dict[str, Any]) -> Iterator[type[Refusal]]:
    """Yield the refusals that are possible before the call's own work begins."""
    yield from ALWAYS
    yield from (refusal for name, refusal in refusals.UNKNOWN.items() if f"{{{name}}}" in path)
    if method == "get" or "requestBody" in call:
        yield refusals.InvalidRequest
    if method != "get":
        yield from (refusals.LengthRequired, refusals.BodyTooLarge)
    if "requestBody" in call:
        yield from (refusals.InvalidJson, refusals.UnsupportedEncoding)
    if takes_idempotency_key(call):
        yield from IDEMPOTENT


def takes_idempotency_key(call: dict[str, Any]) -> bool:
    """Return whether a retry with the same Idempotency-Key gets the same answer."""
    return any(parameter["name"] == "Idempotency-Key" for parameter in call.get("parameters", ()))


def problems(possible: set[type[Refusal]], path: str) -> dict[str, Any]:
    """Return the answers of these refusals by status, with an example of each code."""
    responses: dict[str, Any] = {}
    for refusal in sorted(possible, key=lambda refusal: (refusal.status, refusal.code)):
        response = responses.setdefault(str(refusal.status), _empty_answer(refusal.status))
        content = response["content"]["application/problem+json"]
        content["schema"]["properties"]["code"]["enum"].append(refusal.code)
        content["examples"][refusal.code] = {"summary": refusal.meaning(), "value": _example(refusal, path)}
        response["description"] += f"- `{refusal.code}`: {refusal.meaning()}\n"
        if refusal.retry_after is not None:
            response.setdefault("headers", {})["Retry-After"] = _RETRY_AFTER
    return responses


def _empty_answer(status: int) -> dict[str, Any]:
    schema = {"$ref": REF_TEMPLATE.format(model="Problem")}
    codes: dict[str, Any] = {"code": {"enum": []}, "status": {"const": status}}
    content = {"schema": {"allOf": [schema], "properties": codes}, "examples": {}}
    response = {"description": "", "content": {"application/problem+json": content}}
    return response | ({"headers": dict(_HEADERS[status])} if status in _HEADERS else {})


def _example(refusal: type[Refusal], path: str) -> dict[str, Any]:
    facts = dict(refusal.example)
    if refusal.retry_after is not None:
        facts["retry_after"] = refusal.retry_after
    return {
        "type": problem_type(refusal.code),
        "title": refusal.meaning(),
        "status": refusal.status,
        "detail": refusal.meaning(),
        "instance": path,
        "code": refusal.code,
        **facts,
    }


def _complete(call: dict[str, Any], schemas: dict[str, Any], refused: dict[str, Any]) -> None:
    """Add refusals, headers and examples to the call that django-ninja has described."""
    for parameter in call.get("parameters", ()):
        parameter.pop("examples", None)  # JSON Schema's list; OpenAPI expects something else here
        parameter.setdefault("example", example_of(parameter["schema"], schemas, parameter["name"]))
    for content in call.get("requestBody", {}).get("content", {}).values():
        content["example"] = example_of(content["schema"], schemas)
    answers = {str(status): answer for status, answer in call["responses"].items() if int(status) < 400}
    for answer in answers.values():
        for content in answer.get("content", {}).values():
            content["example"] = example_of(content["schema"], schemas)
        answer["headers"] = _LIMITS | (
            {"Idempotent-Replayed": _REPLAYED} if takes_idempotency_key(call) else {}
        )
    call["responses"] = answers | refused
