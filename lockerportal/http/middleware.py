"""What stands between the web server and every view."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

from lockerportal.database.base import patience
from lockerportal.http.refusals import BY_STATUS, BadRequest, InternalError
from packages_app.api.problems import problem, respond
from packages_app.pages.away import AWAY, away

GetResponse = Callable[[HttpRequest], HttpResponse]


class DatabaseAwayMiddleware:
    """A page whose database is away or stuck answers 503 with Retry-After (the API does so itself).

    Stuck: waited for DATABASE_PATIENCE_SECONDS in all, which is a little more than its own statement_timeout.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with patience(settings.DATABASE_PATIENCE_SECONDS):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answers for database errors only; everything else is a fault of ours and stays one."""
        return away(request) if isinstance(exception, AWAY) else None


class ApiProblemMiddleware:
    """Under /api/ every error is a problem document, also those that Django answers before a view is found.

    An unknown path, a wrong method, a body that is too large, a fault of ours: `code` says which.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code < 400 or not is_api(request):
            return response
        if response["Content-Type"] == "application/problem+json" or (
            settings.DEBUG and response.status_code == 500
        ):
            return response
        refusal = BY_STATUS.get(response.status_code)
        if refusal is None:  # what none of ours stands for keeps its status
            refusal = InternalError if response.status_code >= 500 else BadRequest
        answer = respond(
            problem(request, status=response.status_code, code=refusal.code, title=refusal.meaning())
        )
        for header in ("Allow", "Retry-After"):
            if header in response:
                answer[header] = response[header]
        return answer


class NulMiddleware:
    """No page is asked for with a NUL: PostgreSQL knows none, and a filter with one would be a fault of ours.

    The API says so itself, by field; forms refuse it too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if ("%00" in request.META["QUERY_STRING"] or "\0" in request.path) and not is_api(request):
            raise SuspiciousOperation("NUL in the address")
        return self.get_response(request)


def is_api(request: HttpRequest) -> bool:
    """Whether a program asks, and reads problem documents."""
    return request.path.startswith("/api/")
