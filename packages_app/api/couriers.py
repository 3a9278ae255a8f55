"""What couriers do: bring, change, take back."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from ninja import Router

from common.refusals import refuses
from lockers import allocation
from lockers.models import Size
from packages_app import errors, operations
from packages_app.api.calls import IDEMPOTENT, CallerRequest, change, perform, refuse
from packages_app.api.schemas.changes import CancelIn, ExtendIn, ReassignIn
from packages_app.api.schemas.drop_off import AssignIn
from packages_app.api.schemas.packages import PackageOut
from packages_app.api.schemas.queue import QueueEntryOut
from packages_app.keys.auth import courier_key
from packages_app.models import Recipient
from packages_app.operations.packages.reassign import Reason
from packages_app.payloads import package_json
from packages_app.sandbox import pretend

router = Router(tags=["couriers"])


@router.post(
    "/lockers/assign",
    auth=courier_key,
    response={201: PackageOut, 202: QueueEntryOut},
    operation_id="assign",
    summary="Find room for a package",
    openapi_extra=IDEMPOTENT,
)
@refuses(
    errors.UnknownLocation,
    errors.LocationFull,
    errors.LocationSuspended,
    errors.DuplicateTrackingNumber,
    errors.FitsNoCompartment,
    errors.TooManyWaiting,
    errors.BusyTryAgain,
)
def assign(request: CallerRequest, body: AssignIn) -> HttpResponse:
    """Claims a compartment and says which door to open. `deposited: false` only reserves it.

    With `queue: true`, where no door is free: 202 and a place in the queue, first come, first served.
    """
    by = request.auth.actor
    if by.sandbox:
        pretend.refuse_call(body.tracking_number)
    recipient = Recipient(
        name=body.recipient.name,
        email=body.recipient.email or "",
        phone=body.recipient.phone or "",
        language=body.recipient.language,
        only_channel=body.recipient.only_channel,
    )
    size = _size(body)
    if size is None:
        return refuse(
            request, errors.FitsNoCompartment(field="dimensions" if body.dimensions else "weight_g")
        )
    response = perform(
        request,
        operations.assign_or_wait if body.queue else operations.assign,
        render=partial(package_json.assigned_or_waiting, code=request.auth.reads_codes),
        location=body.location,
        tracking_number=body.tracking_number,
        size=size,
        recipient=recipient,
        accessible=body.accessible,
        deposited=body.deposited,
        reserve_for=timedelta(minutes=body.reserve_minutes),
        opened=body.open,
        **_waits(body),
    )
    if by.sandbox and _is_new(response):
        pretend.brought(UUID(json.loads(response.content)["id"]), by=by, now=timezone.now())
    return response


def _waits(body: AssignIn) -> dict[str, Any]:
    """For how long it waits where no door is free, if it does."""
    if not body.queue:
        return {}
    return {"wait_for": timedelta(hours=body.queue_hours), "keep_minutes": body.queue_minutes}


def _is_new(response: HttpResponse) -> bool:
    """It was done just now, and not at an earlier request."""
    return response.status_code in (200, 201) and "Idempotent-Replayed" not in response


def _size(body: AssignIn) -> Size | None:
    """The size asked for, or the smallest that takes the parcel; None if it fits nowhere."""
    asked = Size[body.size] if body.size else Size.SMALL
    if body.dimensions is None and body.weight_g is None:
        return asked
    edges = body.dimensions.model_dump() if body.dimensions else {}
    size = allocation.size_for(weight_g=body.weight_g, **edges)
    return max(size, asked) if size else None


@router.post(
    "/packages/{package_id}/deposit",
    auth=courier_key,
    response=PackageOut,
    operation_id="deposit",
    summary="Confirm that the package lies in its door",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def deposit(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """PENDING → STORED; the hold begins, and the recipient is told the code."""
    response = change(request, operations.deposit, package_id)
    by = request.auth.actor
    if by.sandbox and _is_new(response):
        pretend.stored(package_id, by=by, now=timezone.now())
    return response


@router.post(
    "/packages/{package_id}/reassign",
    auth=courier_key,
    response=PackageOut,
    operation_id="reassign",
    summary="Ask for another door",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.LocationFull, errors.BusyTryAgain)
def reassign(request: CallerRequest, package_id: UUID, body: ReassignIn) -> HttpResponse:
    """A larger door for `too_small`; the old one is taken out of use where the reason says so."""
    return change(request, operations.reassign, package_id, reason=Reason(body.reason))


@router.post(
    "/packages/{package_id}/cancel",
    auth=courier_key,
    response=PackageOut,
    operation_id="cancel",
    summary="Call a package off",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def cancel(request: CallerRequest, package_id: UUID, body: CancelIn | None = None) -> HttpResponse:
    """A stored one holds its door until it is returned."""
    return change(request, operations.cancel, package_id, reason=body.reason if body else "")


@router.post(
    "/packages/{package_id}/extend",
    auth=courier_key,
    response=PackageOut,
    operation_id="extend",
    summary="Let a package wait longer",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.ExtensionLimit, errors.OnHold)
def extend(request: CallerRequest, package_id: UUID, body: ExtendIn) -> HttpResponse:
    """STORED or EXPIRED, within the location's limit.

    Without an Idempotency-Key the same again within a minute is taken as a repeat.
    """
    keyless = "Idempotency-Key" not in request.headers
    return change(request, operations.extend, package_id, hours=body.hours, may_repeat=keyless)


@router.post(
    "/packages/{package_id}/return",
    auth=courier_key,
    response=PackageOut,
    operation_id="return_to_courier",
    summary="Confirm that the package was taken out",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def return_to_courier(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """EXPIRED, or cancelled in its door → RETURNED; frees the compartment."""
    return change(request, operations.return_to_courier, package_id)


@router.post(
    "/packages/{package_id}/resend-code",
    auth=courier_key,
    response={202: PackageOut},
    operation_id="resend_code",
    summary="Give the recipient a new code",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.NothingToResend, errors.OnHold)
def resend_code(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """The old code dies; the recipient is told the new one."""
    return change(request, operations.resend_code, package_id, status=202)
