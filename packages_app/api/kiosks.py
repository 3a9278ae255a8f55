"""Calls that kiosks make: pickups, doors that did not open, and heartbeats."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from ninja import Path, Router

from common.clock import database_now
from common.refusals import refuses
from packages_app import errors, operations
from packages_app.api.problems import respond
from packages_app.api.responses import CallerRequest
from packages_app.api.schemas.fields import PickupCode
from packages_app.api.schemas.kiosks import HeartbeatIn, PickupIn, PickupOut, PickupWithCodeIn
from packages_app.api.schemas.packages import PackageOut
from packages_app.keys.auth import kiosk_key
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.payloads import package_json
from packages_app.payloads.answer import Answer

router = Router(tags=["kiosks"])
PICKUP = (
    errors.UnknownCode,
    errors.CodeExpired,
    errors.OnHold,
    errors.PhoneCheckRequired,
    errors.TooManyAttempts,
    errors.BusyTryAgain,
)


@router.post(
    "/pickup",
    auth=kiosk_key,
    response=PickupOut,
    operation_id="pickup",
    summary="Open the door for a pickup code",
)
@refuses(*PICKUP)
def pickup(request: CallerRequest, body: PickupWithCodeIn) -> HttpResponse:
    """Take the code from the body, so that it appears in no URL and in no proxy's log."""
    return _pick_up(request, body.code, body)


@router.post(
    "/pickup/{code}",
    auth=kiosk_key,
    response=PickupOut,
    operation_id="pickup_by_code",
    summary="Open the door for a pickup code in the path",
)
@refuses(*PICKUP)
def pickup_by_code(
    request: CallerRequest, code: Path[PickupCode], body: PickupIn | None = None
) -> HttpResponse:
    """Like `POST /pickup`, which is the better choice: URLs end up in logs."""
    return _pick_up(request, code, body or PickupIn())


@router.post(
    "/pickup/{package_id}/door-failed",
    auth=kiosk_key,
    response=PackageOut,
    operation_id="door_failed",
    summary="Report that the door did not open",
)
@refuses(errors.WrongStatus, errors.CompartmentInUse, errors.DuplicateTrackingNumber)
def door_failed(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Undo a pickup, within 5 minutes: the package is STORED again, and its compartment unverified."""
    package = operations.record_door_failure(package_id=package_id, by=request.auth.actor, now=timezone.now())
    return respond(package_json.answer(package, status=200, code=False))


@router.post(
    "/kiosk/heartbeat",
    auth=kiosk_key,
    response={204: None},
    operation_id="heartbeat",
    summary="Send a heartbeat",
)
def heartbeat(request: CallerRequest, body: HeartbeatIn) -> HttpResponse:
    """Say that the kiosk works.

    Compartments listed as silent go out of service until a manager puts them back in service.
    """
    by, now = request.auth.actor, database_now()  # jobs compare it with the database's clock
    operations.record_heartbeat(by=by, now=now, software_version=body.software_version)
    if body.silent_compartments:
        operations.report_unresponsive(compartment_ids=body.silent_compartments, by=by, now=now)
    return HttpResponse(status=204)


def _pick_up(request: CallerRequest, code: str, body: PickupIn) -> HttpResponse:
    typed = TypedCode(
        code=code, phone_last4=body.phone_last4, nonce=body.nonce, compartment_id=body.compartment
    )
    opened = operations.pick_up(by=request.auth.actor, now=timezone.now(), typed=typed)
    return respond(Answer(200, package_json.opened(opened), replayed=opened.repeated))
