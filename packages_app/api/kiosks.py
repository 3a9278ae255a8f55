"""What kiosks do: open a door for a code."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from ninja import Router

from packages_app import bodies, operations
from packages_app.api.calls import CallerRequest
from packages_app.auth import kiosk_key
from packages_app.idempotency import Answer
from packages_app.operations.pick_up import Typed
from packages_app.problems import PROBLEMS, respond
from packages_app.schemas import PickupIn, PickupOut, PickupWithCodeIn

router = Router(tags=["kiosks"])


@router.post(
    "/pickup",
    auth=kiosk_key,
    response={200: PickupOut, **PROBLEMS},
    operation_id="pickup",
    summary="Open the door for a code",
)
def pickup(request: CallerRequest, body: PickupWithCodeIn) -> HttpResponse:
    """The code in the body: it stands in no URL and so in no log of a proxy."""
    return _pick_up(request, body.code, body)


@router.post(
    "/pickup/{code}",
    auth=kiosk_key,
    response={200: PickupOut, **PROBLEMS},
    operation_id="pickup_by_code",
    summary="Open the door for a code in the path",
)
def pickup_by_code(request: CallerRequest, code: str, body: PickupIn | None = None) -> HttpResponse:
    """As `POST /pickup`. Prefer that one: URLs end up in logs."""
    return _pick_up(request, code, body or PickupIn())


def _pick_up(request: CallerRequest, code: str, body: PickupIn) -> HttpResponse:
    typed = Typed(code=code, phone_last4=body.phone_last4, nonce=body.nonce, compartment_id=body.compartment)
    opened = operations.pick_up(by=request.auth, now=timezone.now(), typed=typed)
    return respond(Answer(200, bodies.opened(opened)))
