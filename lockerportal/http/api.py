"""The API: its routers and their keys, the JSON parser, and the error handlers."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser

from lockerportal.http.openapi import DESCRIPTION, DocumentedAPI
from lockerportal.http.refusals import (
    UNKNOWN,
    BadRequest,
    BodyTooLarge,
    DatabaseUnavailable,
    InvalidJson,
    InvalidRequest,
    NotFound,
    UnsupportedEncoding,
    all_refusals,
)
from lockers import availability
from lockers.api import router as lockers_router
from lockers.api import status_router
from packages_app.api import routers as packages_routers
from packages_app.api.problems import problem_answer, respond
from packages_app.errors import Refusal
from packages_app.keys.auth import InvalidKey, KeyAuth, any_key
from packages_app.models import ApiKey

logger = logging.getLogger(__name__)
Scope = ApiKey.Scope


class StrictJson(Parser):
    """A parser for JSON in UTF-8 that rejects NaN and Infinity, which are not JSON, and duplicate names."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the parsed body. Raises `UnsupportedEncoding` and `InvalidJson`."""
        content_type = (
            request.headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
        )
        if content_type not in ("application/json", "application/x-www-form-urlencoded", ""):
            raise UnsupportedEncoding
        try:
            text = request.body.decode("utf-8")
        except UnicodeDecodeError:
            raise UnsupportedEncoding from None
        if "\x00" in text:
            raise UnsupportedEncoding if text.count("\x00") > 1 else InvalidJson
        try:
            return json.loads(
                text,
                parse_constant=_reject_constant,
                parse_float=_number,
                object_pairs_hook=_reject_duplicates,
            )
        except (ValueError, RecursionError):
            raise InvalidJson from None


def _reject_constant(name: str) -> None:
    raise ValueError(name)


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Reject an object with a name twice: readers disagree about which value counts."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("duplicate name")
    return members


def _number(text: str) -> float:
    """Read `24.0` as the integer 24, as JSON Schema and many JSON libraries do."""
    number = float(text)
    return int(number) if number.is_integer() else number


api = DocumentedAPI(
    title="Locker Portal",
    version="1",
    description=DESCRIPTION,
    parser=StrictJson(),
    docs_url="/docs",
    urls_namespace="api",
)
# Django tries patterns in this order, so the most frequent requests come first.
api.add_router(
    "", status_router, auth=KeyAuth(Scope.PACKAGES, Scope.PICKUP, extra_query=availability.status_query)
)
api.add_router("", lockers_router, auth=any_key)
for router in packages_routers:
    api.add_router("", router)


@api.get("/docs/problems", auth=None, include_in_schema=False, url_name="problems")
def problems(request: HttpRequest) -> HttpResponse:
    """List all error codes: the page that the `type` of a problem document links to."""
    rows = [
        {
            "code": refusal.code,
            "status": refusal.status,
            "meaning": refusal.meaning(),
            "advice": _with_code(refusal.advice()),
        }
        for refusal in sorted(all_refusals(), key=lambda refusal: (refusal.status, refusal.code))
    ]
    return render(request, "api/problems.html", {"refusals": rows})


def _with_code(text: str) -> SafeString:
    """Return HTML in which text between backticks is code."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )


@api.exception_handler(Refusal)
def on_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Answer with the problem document of a refusal."""
    return respond(problem_answer(request, refusal))


@api.exception_handler(AuthenticationError)
def on_no_key(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """Answer a request without a key."""
    return respond(problem_answer(request, InvalidKey()))


@api.exception_handler(ValidationError)
def on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Answer a body or query that does not match the schema: name the fields and never repeat a value.

    A malformed id in the path is answered like an id that does not exist.
    """
    for item in error.errors:
        if item["loc"][0] == "path":
            return on_refusal(request, UNKNOWN.get(str(item["loc"][1]), NotFound)())
    fields = [
        {"field": ".".join(str(part) for part in _below_parameter(item["loc"])), "message": item["msg"]}
        for item in error.errors
    ]
    return on_refusal(request, InvalidRequest(errors=fields))


def _below_parameter(loc: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the path as the caller wrote it: `("body", "body", "a", "b")` becomes `("a", "b")`."""
    return loc[2:] if loc[0] == "body" and len(loc) > 2 else loc[1:] or loc


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer an error of django-ninja, which wraps the parser's refusal in its own error."""
    if isinstance(error.__cause__, Refusal):
        return on_refusal(request, error.__cause__)
    return on_refusal(request, BadRequest(str(error)))


@api.exception_handler(RequestDataTooBig)
def on_too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    """Answer a body over `DATA_UPLOAD_MAX_MEMORY_SIZE`."""
    return on_refusal(request, BodyTooLarge())


@api.exception_handler(Http404)
def on_missing(request: HttpRequest, error: Http404) -> HttpResponse:
    """Answer a path that does not exist."""
    return on_refusal(request, NotFound())


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def on_database_unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer when the database is unavailable or stuck: a retry is safe, whether or not a change was made."""
    logger.error("Database unavailable or stuck: %s", type(error).__name__)
    return on_refusal(request, DatabaseUnavailable())


api.answer_head()
