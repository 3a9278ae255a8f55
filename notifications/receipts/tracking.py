"""Receipts of e-mail providers that django-anymail knows: its events, if it is installed and used."""

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
from notifications.receipts import bodies, taking

logger = logging.getLogger(__name__)

# The others say that it is on its way, or what the reader did with it, which is nobody's business.
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
    """From now on each event is taken as a receipt. Needs django-anymail."""
    from anymail.signals import tracking

    tracking.connect(on_event, dispatch_uid="receipts")


def on_event(sender: object, event: Any, esp_name: str, **_: object) -> None:
    """Take one event as a receipt of the provider of EMAIL_BACKEND, whose address alone is open."""
    outcome = OUTCOMES.get(str(event.event_type))
    if outcome is None or not event.message_id:
        return
    provider = provider_name()
    identity = f"{event.event_type} {event.event_id or event.timestamp} {event.message_id}"
    why = (event.event_type, event.reject_reason, event.mta_response or event.description)
    taking.take(
        Receipt(
            key=bodies.key(provider, storable(identity)),
            provider=provider,
            provider_id=storable(str(event.message_id))[:200],
            outcome=outcome,
            reason=public_reason(": ".join(str(part) for part in why if part))
            if outcome == Status.BOUNCED
            else "",
        )
    )


def provider_name() -> str:
    """As rows have it: `postmark` of anymail.backends.postmark.EmailBackend."""
    return str(settings.EMAIL_BACKEND).split(".")[-2]


def urlpatterns() -> list[URLPattern]:
    """Where the provider of EMAIL_BACKEND posts its events, and no other one.

    Empty where it is not one of django-anymail's, or where ANYMAIL has no WEBHOOK_SECRET.
    """
    if not apps.is_installed("anymail") or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        return []
    from anymail.urls import urlpatterns as known

    name = f"{provider_name()}_tracking_webhook"
    return [
        path(f"receipts/anymail/{one.pattern}", _guarded(one.callback), name=name)
        for one in known
        if one.name == name
    ]


def _guarded(view: View) -> View:
    """Larger bodies than elsewhere, and 400 for those that django-anymail cannot read."""

    def receive(request: HttpRequest, **arguments: object) -> HttpResponse:
        # Read here: Django itself refuses what is over DATA_UPLOAD_MAX_MEMORY_SIZE.
        request._body = request.read(LARGEST_BODY + 1)
        if len(request._body) > LARGEST_BODY:
            return HttpResponse("The body is too large", status=413, content_type="text/plain")
        try:
            answer: HttpResponse = view(request, **arguments)
        except (*_NONSENSE, ImproperlyConfigured) as error:  # the latter: events of another kind
            logger.warning("Events of %s could not be read: %s", provider_name(), type(error).__name__)
            return HttpResponse("Not understood", status=400, content_type="text/plain")
        return answer

    receive.csrf_exempt = True  # type: ignore[attr-defined]
    return receive
