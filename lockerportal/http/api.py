"""The API's switchboard: which rooms answer where, with which keys, and how every refusal looks."""

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
    """JSON in UTF-8, without NaN and Infinity, which JSON does not know."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Raises `UnsupportedEncoding` and `InvalidJson`."""
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
                text, parse_constant=_refuse_constant, parse_float=_number, object_pairs_hook=_each_name_once
            )
        except (ValueError, RecursionError):
            raise InvalidJson from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one name, every reader would take another one."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name twice")
    return members


def _number(text: str) -> float:
    """`24.0` is the integer 24, as JSON Schema and many a client's JSON library have it."""
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
# Django tries patterns in this order: what is asked for most comes first.
api.add_router(
    "", status_router, auth=KeyAuth(Scope.PACKAGES, Scope.PICKUP, extra_query=availability.status_query)
)
api.add_router("", lockers_router, auth=any_key)
for router in packages_routers:
    api.add_router("", router)


@api.get("/docs/problems", auth=None, include_in_schema=False, url_name="problems")
def problems(request: HttpRequest) -> HttpResponse:
    """Every refusal with its code: where the `type` of a problem document leads."""
    rows = [
        {"code": one.code, "status": one.status, "meaning": one.meaning(), "advice": _with_code(one.advice())}
        for one in sorted(all_refusals(), key=lambda one: (one.status, one.code))
    ]
    return render(request, "api/problems.html", {"refusals": rows})


def _with_code(text: str) -> SafeString:
    """For a page: what stands between backticks is code."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )


@api.exception_handler(Refusal)
def on_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """What the portal will not do."""
    return respond(problem_answer(request, refusal))


@api.exception_handler(AuthenticationError)
def on_no_key(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """No key at all."""
    return respond(problem_answer(request, InvalidKey()))


@api.exception_handler(ValidationError)
def on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A body or query that the schema refuses; the answer names the fields and never repeats a value.

    An id in the path that can be no id is an id that does not exist.
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
    """`("body", "body", "recipient", "email")` → what the caller wrote: `("recipient", "email")`."""
    return loc[2:] if loc[0] == "body" and len(loc) > 2 else loc[1:] or loc


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """What django-ninja itself refuses; it hides the parser's refusal in an error of its own."""
    if isinstance(error.__cause__, Refusal):
        return on_refusal(request, error.__cause__)
    return on_refusal(request, BadRequest(str(error)))


@api.exception_handler(RequestDataTooBig)
def on_too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    """A body over `DATA_UPLOAD_MAX_MEMORY_SIZE`."""
    return on_refusal(request, BodyTooLarge())


@api.exception_handler(Http404)
def on_missing(request: HttpRequest, error: Http404) -> HttpResponse:
    """Nothing here."""
    return on_refusal(request, NotFound())


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def on_database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    """The database is away or stuck: nothing was changed, or nobody can tell; a repeat is safe."""
    logger.error("Database away or stuck: %s", type(error).__name__)
    return on_refusal(request, DatabaseUnavailable())


api.answer_head()
