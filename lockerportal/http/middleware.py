"""Middleware for all requests: errors as problem documents, a database that is unavailable, NUL bytes."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

from lockerportal.database.base import time_limit
from lockerportal.http.refusals import BY_STATUS, BadRequest, InternalError
from packages_app.api.problems import problem, respond
from packages_app.pages.away import AWAY, away

GetResponse = Callable[[HttpRequest], HttpResponse]


class DatabaseUnavailableMiddleware:
    """Answers 503 with Retry-After for pages if the database is unavailable or stuck; the API does so itself.

    A request waits DATABASE_PATIENCE_SECONDS in total, a little more than the server's statement_timeout.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request within the time limit."""
        with time_limit(settings.DATABASE_PATIENCE_SECONDS):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer database errors only; every other exception is a bug and stays one."""
        return away(request) if isinstance(exception, AWAY) else None


class ApiProblemMiddleware:
    """Turns every error under /api/ into a problem document, even those from before a view is found.

    Examples are an unknown path, a wrong method, a body that is too large, and an internal error.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, with a problem document for an error of the API."""
        response = self.get_response(request)
        if response.status_code < 400 or not is_api(request):
            return response
        if response["Content-Type"] == "application/problem+json" or (
            settings.DEBUG and response.status_code == 500
        ):
            return response
        refusal = BY_STATUS.get(response.status_code)
        if refusal is None:  # a status without a refusal of its own is kept
            refusal = InternalError if response.status_code >= 500 else BadRequest
        answer = respond(
            problem(request, status=response.status_code, code=refusal.code, title=refusal.meaning())
        )
        for header in ("Allow", "Retry-After"):
            if header in response:
                answer[header] = response[header]
        return answer


class NulMiddleware:
    """Rejects pages with a NUL in the address, which PostgreSQL cannot store: a filter would fail.

    The API reports a NUL by field, and forms reject it too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request. Raises SuspiciousOperation for a NUL."""
        if ("%00" in request.META["QUERY_STRING"] or "\0" in request.path) and not is_api(request):
            raise SuspiciousOperation("NUL in the address")
        return self.get_response(request)


def is_api(request: HttpRequest) -> bool:
    """Return whether a request is for the API, whose clients read problem documents."""
    return request.path.startswith("/api/")
