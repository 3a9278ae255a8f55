"""Delivery receipts of email providers that django-anymail supports: its events, if it is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from notifications.errors import public_reason, storable
from notifications.models import Receipt, Status
from notifications.receipts import matching, parsing

logger = logging.getLogger(__name__)

# All other events say that it is on its way, or what the reader did, which is none of our business.
OUTCOMES = {
    "delivered": Status.DELIVERED,
    "bounced": Status.BOUNCED,
    "rejected": Status.BOUNCED,
    "failed": Status.BOUNCED,
}
LARGEST_BODY = 1_048_576  # bytes; some providers post hundreds of events at once
_NONSENSE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
View = Callable[..., Any]


def listen() -> None:
    """Accept each event as a receipt from now on. Requires django-anymail."""
    from anymail.signals import tracking

    tracking.connect(on_event, dispatch_uid="receipts")


def on_event(sender: object, event: Any, esp_name: str, **_: object) -> None:
    """Accept one event as a receipt of the provider of EMAIL_BACKEND, the only one with a URL."""
    outcome = OUTCOMES.get(str(event.event_type))
    if outcome is None or not event.message_id:
        return
    provider = provider_name()
    identity = f"{event.event_type} {event.event_id or event.timestamp} {event.message_id}"
    why = (event.event_type, event.reject_reason, event.mta_response or event.description)
    matching.accept(
        Receipt(
            key=parsing.key(provider, storable(identity)),
            provider=provider,
            provider_id=storable(str(event.message_id))[:200],
            outcome=outcome,
            reason=public_reason(": ".join(str(part) for part in why if part))
            if outcome == Status.BOUNCED
            else "",
        )
    )


def provider_name() -> str:
    """Return its name on messages: `postmark` for anymail.backends.postmark.EmailBackend."""
    return str(settings.EMAIL_BACKEND).split(".")[-2]


def urlpatterns() -> list[URLPattern]:
    """Return the URL to which the provider of EMAIL_BACKEND posts its events.

    Empty if it is not one of django-anymail's, or if ANYMAIL has no WEBHOOK_SECRET.
    """
    if not apps.is_installed("anymail") or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        return []
    from anymail.urls import urlpatterns as known

    name = f"{provider_name()}_tracking_webhook"
    return [
        path(f"receipts/anymail/{pattern.pattern}", _guarded(pattern.callback), name=name)
        for pattern in known
        if pattern.name == name
    ]


def _guarded(view: View) -> View:
    """Return `view` with a higher limit for bodies, and 400 for those that django-anymail cannot read."""

    def receive(request: HttpRequest, **arguments: object) -> HttpResponse:
        # The body is read here, because Django refuses any above DATA_UPLOAD_MAX_MEMORY_SIZE.
        request._body = request.read(LARGEST_BODY + 1)
        if len(request._body) > LARGEST_BODY:
            return HttpResponse("The request body is too large", status=413, content_type="text/plain")
        try:
            answer: HttpResponse = view(request, **arguments)
        except (*_NONSENSE, ImproperlyConfigured) as error:  # the latter: events of another kind
            logger.warning("Events of %s could not be read: %s", provider_name(), type(error).__name__)
            return HttpResponse("The events could not be read", status=400, content_type="text/plain")
        return answer

    receive.csrf_exempt = True  # type: ignore[attr-defined]
    return receive
