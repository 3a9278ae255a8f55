"""The short way to the API."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve
from django.utils import translation

from lockerportal.http.refusals import LengthRequired
from packages_app.api.problems import problem_answer, respond
from packages_app.keys import rate_limits

GetResponse = Callable[[HttpRequest], HttpResponse]


class ApiMiddleware:
    """A call with an API key goes straight to its view, past everything that only pages need.

    Sessions, sign-in, CSRF tokens, flash messages, languages and static files mean nothing to a call that
    carries a key, and are a third of what Django does for one. Everything above this middleware still
    applies. The API's own documentation and calls without a key take the long way.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if "HTTP_AUTHORIZATION" not in request.META or not path.startswith("/api/") or "/docs" in path:
            return self.get_response(request)
        request.get_host()  # refuses a Host that is not ours, as CommonMiddleware does for pages
        if (
            request.method not in ("GET", "HEAD")
            and "HTTP_TRANSFER_ENCODING" in request.META
            and not request.META.get("CONTENT_LENGTH")
        ):
            # Django would take the body for an empty one, and a kiosk's nonce would be lost without a word.
            return respond(problem_answer(request, LengthRequired()))
        translation.activate(settings.LANGUAGE_CODE)  # whatever the last page on this thread was read in
        request.resolver_match = match = _route(path)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        rate_limits.tell(request, response)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        return response


# The routes without parameters, as found once: most calls go to two of them. No path with a code is kept.
_fixed: dict[tuple[str, str], ResolverMatch] = {}


def _route(path: str) -> ResolverMatch:
    """Raises `Resolver404`."""
    match = _fixed.get((settings.ROOT_URLCONF, path))
    if match is None:
        match = resolve(path)
        if not match.kwargs:
            _fixed[settings.ROOT_URLCONF, path] = match
    return match
