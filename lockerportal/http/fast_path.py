"""The fast path to the API."""

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
    """Sends a request with an API key straight to its view, past the middleware that only pages need.

    Sessions, sign-in, CSRF tokens, flash messages, languages and static files mean nothing to such a request,
    and take a third of Django's time for it. Middleware above this one still applies. The API's documentation
    and requests without a key go through all middleware.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer an API request with a key itself, and pass all others on."""
        path = request.path_info
        if "HTTP_AUTHORIZATION" not in request.META or not path.startswith("/api/") or "/docs" in path:
            return self.get_response(request)
        request.get_host()  # rejects a foreign Host, as CommonMiddleware does for pages
        if (
            request.method not in ("GET", "HEAD")
            and "HTTP_TRANSFER_ENCODING" in request.META
            and not request.META.get("CONTENT_LENGTH")
        ):
            # Django would treat the body as empty, and silently lose a kiosk's nonce.
            return respond(problem_answer(request, LengthRequired()))
        translation.activate(settings.LANGUAGE_CODE)  # the last page on this thread may have had another
        request.resolver_match = match = _route(path)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        rate_limits.tell(request, response)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        return response


# A cache of routes without parameters: most requests go to two of them, and no path with a code is kept.
_fixed: dict[tuple[str, str], ResolverMatch] = {}


def _route(path: str) -> ResolverMatch:
    """Return the view for `path`. Raises `Resolver404`."""
    match = _fixed.get((settings.ROOT_URLCONF, path))
    if match is None:
        match = resolve(path)
        if not match.kwargs:
            _fixed[settings.ROOT_URLCONF, path] = match
    return match
