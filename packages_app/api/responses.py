"""Run an operation or a query for an API request and build the response."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NoReturn
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.pagination import paginate
from common.refusals import Refusal
from lockers import search
from packages_app import errors
from packages_app.api.problems import InvalidIdempotencyKey, problem_answer, respond
from packages_app.core.actor import Actor, Caller
from packages_app.core.idempotency import VISIBLE_ASCII, Receipt, fingerprint
from packages_app.core.operation import Operation
from packages_app.models import Package
from packages_app.payloads import package_json
from packages_app.payloads.answer import Answer

IDEMPOTENT: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "example": "drop-off-4711",
            "description": "Recommended: a repeat with the same key and body gets the same response.",
        }
    ]
}


class CallerRequest(HttpRequest):
    """A request whose API key has been verified."""

    auth: Caller


def perform(
    request: CallerRequest,
    operation: Operation[Any, Any],
    *,
    render: Callable[[Any], Answer],
    **arguments: Any,
) -> HttpResponse:
    """Run the operation at most once for the request's Idempotency-Key and return the response."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not VISIBLE_ASCII.match(key):
        raise InvalidIdempotencyKey
    receipt = Receipt(
        courier_id=request.auth.actor.courier_id,
        key=key,
        fingerprint=fingerprint(
            request.method or "",
            request.path,
            request.body,
            location_ids=request.auth.actor.location_ids,
        ),
        reads_codes=request.auth.reads_codes,
    )
    arguments |= {"by": request.auth.actor, "now": timezone.now()}
    answer = operation.once(receipt, render, partial(_refuse, request), **arguments)
    return respond(answer)


def _refuse(request: CallerRequest, refusal: Refusal) -> Answer:
    """Return the problem document; for a full location it lists the nearest locations with room."""
    if isinstance(refusal, errors.LocationFull):
        refusal.facts = dict(
            search.alternatives(
                refusal.location,
                size=refusal.size,
                accessible=refusal.accessible,
                among=None if request.auth.sees_network else request.auth.locations(),
            )
        )
    return problem_answer(request, refusal)


def page(
    rows: QuerySet[Any],
    body: Callable[[Any], dict[str, Any]],
    *,
    order: tuple[str, ...],
    limit: int,
    cursor: str | None,
) -> HttpResponse:
    """Return a page of `rows`, each rendered by `body`, with the cursor of the next page."""
    items, next_cursor = paginate(rows, order=order, limit=limit, cursor=cursor)
    return respond(Answer(200, {"items": [body(row) for row in items], "next_cursor": next_cursor}))


def given_filters(**filters: object) -> dict[str, object]:
    """Return the filters that the caller has given."""
    return {name: value for name, value in filters.items() if value is not None}


def refuse(request: CallerRequest, refusal: Refusal) -> HttpResponse:
    """Return a refusal that needs no operation, stored under the Idempotency-Key like any other response."""
    return perform(request, _raise, render=_never, refusal=refusal)


@Operation
def _raise(*, refusal: Refusal, by: Actor, now: datetime) -> NoReturn:
    raise refusal


def _never(result: NoReturn) -> NoReturn:
    raise AssertionError("unreachable")


def change(
    request: CallerRequest,
    operation: Operation[Any, Package],
    package_id: UUID,
    *,
    status: int = 200,
    **arguments: Any,
) -> HttpResponse:
    """Run an operation on one package and return the package."""
    render = partial(package_json.answer, status=status, code=request.auth.reads_codes)
    return perform(request, operation, render=render, package_id=package_id, **arguments)
