"""The pages of the developer's mailbox; they show pickup codes, so they exist in development only."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from notifications.dev import mailbox

# An email contains its styles and needs nothing else, so anything it tries to load is blocked.
HTML_PART_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


@require_safe
def mailbox_page(request: HttpRequest) -> HttpResponseBase:
    """List messages, newest first: `q` searches, `before` turns the page, `format=json` is for scripts."""
    _in_development_only()
    search = request.GET.get("q", "").strip()
    before = request.GET.get("before", "")
    messages, next_before = mailbox.page(
        before=int(before) if before.isdecimal() and len(before) < 16 else None, search=search
    )
    if request.GET.get("format") == "json":
        return JsonResponse({"messages": messages, "next": next_before})
    context = {"mailbox": messages, "next_before": next_before, "search": search, "first_page": not before}
    return render(request, "dev/mailbox.html", context)


@require_safe
@xframe_options_sameorigin
def mailbox_html(request: HttpRequest, position: int) -> HttpResponse:
    """Return the HTML of one email, sandboxed, for the frame on its page."""
    _in_development_only()
    html = str(_message(position).get("html", ""))
    return HttpResponse(html, headers={"Content-Security-Policy": HTML_PART_POLICY})


@require_safe
def mailbox_message(request: HttpRequest, position: int) -> HttpResponse:
    """Show one message: its text, and its HTML in a frame and as source."""
    _in_development_only()
    context = {"message": {**_message(position), "position": position}}
    return render(request, "dev/mailbox_message.html", context)


def _message(position: int) -> dict[str, object]:
    message = mailbox.message(position)
    if message is None:
        raise Http404("There is no such message")
    return message


def _in_development_only() -> None:
    if not settings.DEBUG:
        raise Http404("Available only in development")
