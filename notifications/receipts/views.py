"""The view to which providers post delivery receipts; the signature identifies the provider."""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from notifications.models import Receipt
from notifications.receipts import matching, parsing, signature

logger = logging.getLogger(__name__)


@csrf_exempt  # providers send no cookie but a signature
@require_POST
@never_cache
def receive(request: HttpRequest, provider: str) -> HttpResponse:
    """Accept a receipt: 204, also if it says nothing new or is about an unknown message.

    An unknown provider, a wrong signature and an old one all get the same 401.
    """
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        return _refusal(411, "Content-Length is required")  # Django would read an empty body
    try:
        body = request.body
        event = signature.event_of(request, provider, body)
        receipt = _read(request, provider, event, body)
    except RequestDataTooBig:
        return _refusal(413, "The request body is too large")
    except UnreadablePostError:
        return _refusal(400, "The request body ended too early")
    except signature.NotSigned as error:
        logger.warning("A receipt of %.40r was rejected: %s", provider, error)
        return _refusal(401, "Not signed by a known provider")
    except parsing.Malformed as error:
        logger.warning("A receipt of %s was rejected: %s", provider, error)
        return _refusal(400, str(error))
    if receipt is not None:
        matching.accept(receipt)
    return HttpResponse(status=204)


def _read(request: HttpRequest, provider: str, event: str, body: bytes) -> Receipt | None:
    if request.content_type not in (parsing.JSON, parsing.FORM):
        raise parsing.Malformed(f"The Content-Type must be {parsing.JSON} or {parsing.FORM}")
    return parsing.read(provider, event, request.content_type, body)


def _refusal(status: int, detail: str) -> HttpResponse:
    return JsonResponse({"status": status, "detail": detail}, status=status)
