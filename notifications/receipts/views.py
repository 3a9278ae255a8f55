"""Where providers post their receipts. No key, no session: the signature says who it is."""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from notifications.models import Receipt
from notifications.receipts import bodies, signed, taking

logger = logging.getLogger(__name__)


@csrf_exempt  # who posts here has no cookie, but a signature
@require_POST
@never_cache
def receive(request: HttpRequest, provider: str) -> HttpResponse:
    """204 when it was taken, also where it says nothing new or is about a message that is not known.

    An unknown provider, a wrong signature and an old one are one and the same 401.
    """
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        return _refusal(411, "Content-Length is needed")  # Django would take the body for an empty one
    try:
        body = request.body
        event = signed.event_of(request, provider, body)
        receipt = _read(request, provider, event, body)
    except RequestDataTooBig:
        return _refusal(413, "The body is too large")
    except UnreadablePostError:
        return _refusal(400, "The body ended too early")
    except signed.NotSigned as error:
        logger.warning("A receipt of %.40r was refused: %s", provider, error)
        return _refusal(401, "Not signed by a provider that is known here")
    except bodies.Malformed as error:
        logger.warning("A receipt of %s was refused: %s", provider, error)
        return _refusal(400, str(error))
    if receipt is not None:
        taking.take(receipt)
    return HttpResponse(status=204)


def _read(request: HttpRequest, provider: str, event: str, body: bytes) -> Receipt | None:
    if request.content_type not in (bodies.JSON, bodies.FORM):
        raise bodies.Malformed(f"The Content-Type must be {bodies.JSON} or {bodies.FORM}")
    return bodies.read(provider, event, request.content_type, body)


def _refusal(status: int, detail: str) -> HttpResponse:
    return JsonResponse({"status": status, "detail": detail}, status=status)
