"""The OpenAPI document: every status, code, header and example of every call, made in one place.

django-ninja describes what a call takes and what it answers when all goes well. The rest is added here: what
can be wrong with any key, path, query, body or Idempotency-Key, and what the call itself declares to refuse
with `@refuses`. Examples of bodies are put together from the examples of their fields.
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
For couriers: find room, drop off, take back. For kiosks: open a door for a code.

Every error is an RFC 9457 problem document with a stable `code`; the page of
[all codes](/api/v1/docs/problems)
says what to do about each. A POST or DELETE of a courier takes an `Idempotency-Key`: a repeat with the same
key and body gets the same answer again. Times are RFC 3339 in UTC. Lists are read on with `cursor`."""

TAGS = {
    "couriers": "Bring packages, change them, follow them, take them back.",
    "queue": "Wait for a door at a full location.",
    "locations": "Where there are lockers, and where there is room.",
    "kiosks": "What the screen or controller at a locker says and asks.",
    "faults": "Doors that do not work.",
    "webhooks": "Being told of what happens, as Standard Webhooks describe it.",
}
# What any call may answer, whatever it does.
ALWAYS = (refusals.BadRequest, refusals.DatabaseUnavailable)
IDEMPOTENT = (InvalidIdempotencyKey, IdempotencyRunning, IdempotencyConflict)

_TEXT, _SECONDS = {"type": "string"}, {"type": "integer", "minimum": 0}
_RETRY_AFTER = {"description": "After how many seconds to try again", "schema": _SECONDS, "example": 2}
_LIMITS = {
    "RateLimit-Policy": {
        "description": "Each limit that counted this call: `q` calls, all of them again after `w` seconds",
        "schema": _TEXT,
        "example": '"key";q=20000;w=4',
    },
    "RateLimit": {
        "description": "How each stands: `r` calls are left, all of them again after `t` seconds",
        "schema": _TEXT,
        "example": '"key";r=19999;t=1',
    },
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {"description": "Which key is asked for", "schema": _TEXT, "example": "Bearer"}
    },
    429: {"Retry-After": _RETRY_AFTER, **_LIMITS},
    503: {"Retry-After": _RETRY_AFTER},
}
_REPLAYED = {
    "description": "There, and `true`, when this is the answer that was given before",
    "schema": {"type": "string", "enum": ["true"]},
    "example": "true",
}


class DocumentedAPI(NinjaAPI):
    """The API with a complete document."""

    def answer_head(self) -> None:
        """HEAD is answered wherever GET is; the web server leaves the body out. All calls must be there."""
        for operation in self._operations():
            if "GET" in operation.methods:
                operation.methods.append("HEAD")

    def get_openapi_schema(self, **parameters: Any) -> OpenAPISchema:
        """Every call with everything that it may answer."""
        document = super().get_openapi_schema(**parameters)
        schemas = document["components"]["schemas"]
        problem = Problem.model_json_schema(ref_template=REF_TEMPLATE)
        schemas.update(problem.pop("$defs"), Problem=problem)
        declared = self._declared()
        for path, calls in document["paths"].items():
            calls.pop("head", None)  # the same as GET, as everywhere in HTTP
            for method, call in calls.items():
                found = {*_general(path, method, call), *declared[call["operationId"]]}
                _complete(call, schemas, problems(found, path))
        for scheme in document["components"]["securitySchemes"].values():
            scheme["description"] = "The key that staff have made for you, and shown once."
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
    """What can be wrong before the call's own work begins."""
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
    """Whether a repeat under the same key gets the same answer."""
    return any(parameter["name"] == "Idempotency-Key" for parameter in call.get("parameters", ()))


def problems(found: set[type[Refusal]], path: str) -> dict[str, Any]:
    """The answers of these refusals by status, each with its codes and an example of each."""
    responses: dict[str, Any] = {}
    for refusal in sorted(found, key=lambda one: (one.status, one.code)):
        response = responses.setdefault(str(refusal.status), _no_answer(refusal.status))
        content = response["content"]["application/problem+json"]
        content["schema"]["properties"]["code"]["enum"].append(refusal.code)
        content["examples"][refusal.code] = {"summary": refusal.meaning(), "value": _example(refusal, path)}
        response["description"] += f"- `{refusal.code}`: {refusal.meaning()}\n"
        if refusal.retry_after is not None:
            response.setdefault("headers", {})["Retry-After"] = _RETRY_AFTER
    return responses


def _no_answer(status: int) -> dict[str, Any]:
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
    """Adds refusals, headers and examples to what django-ninja has written."""
    for parameter in call.get("parameters", ()):
        parameter.pop("examples", None)  # a list in JSON Schema, which is none here
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
