"""Calls that couriers make to drop packages off, change them and take them back."""

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
from packages_app.api.responses import IDEMPOTENT, CallerRequest, change, perform, refuse
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
    summary="Reserve a compartment for a package",
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
    """Reserve a compartment for a package and return which door to open.

    By default the package counts as deposited at once. With `deposited: false` the compartment is only
    reserved, until the deposit is confirmed or the reservation lapses. With `queue: true`, a full location
    answers 202 with a queue entry: first come, first served.
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
    """Return the arguments of the queue, if the package may wait in it."""
    if not body.queue:
        return {}
    return {"wait_for": timedelta(hours=body.queue_hours), "keep_minutes": body.queue_minutes}


def _is_new(response: HttpResponse) -> bool:
    """Return whether this request did the work, rather than replaying a stored response."""
    return response.status_code in (200, 201) and "Idempotent-Replayed" not in response


def _size(body: AssignIn) -> Size | None:
    """Return the requested size or the smallest one that fits the package; None if no size fits."""
    requested = Size[body.size] if body.size else Size.SMALL
    if body.dimensions is None and body.weight_g is None:
        return requested
    edges = body.dimensions.model_dump() if body.dimensions else {}
    size = allocation.size_for(weight_g=body.weight_g, **edges)
    return max(size, requested) if size else None


@router.post(
    "/packages/{package_id}/deposit",
    auth=courier_key,
    response=PackageOut,
    operation_id="deposit",
    summary="Confirm that the package is in its compartment",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def deposit(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """PENDING → STORED: the hold period begins, and the recipient is sent the pickup code."""
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
    summary="Move the package to another compartment",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.LocationFull, errors.BusyTryAgain)
def reassign(request: CallerRequest, package_id: UUID, body: ReassignIn) -> HttpResponse:
    """Reserve another compartment, a larger one for `too_small`.

    For the other reasons, the old compartment is taken out of service or has to be checked first.
    """
    return change(request, operations.reassign, package_id, reason=Reason(body.reason))


@router.post(
    "/packages/{package_id}/cancel",
    auth=courier_key,
    response=PackageOut,
    operation_id="cancel",
    summary="Cancel a package",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def cancel(request: CallerRequest, package_id: UUID, body: CancelIn | None = None) -> HttpResponse:
    """Cancel the package.

    A stored package occupies its compartment until it has been taken out: `POST /packages/{id}/return`.
    """
    return change(request, operations.cancel, package_id, reason=body.reason if body else "")


@router.post(
    "/packages/{package_id}/extend",
    auth=courier_key,
    response=PackageOut,
    operation_id="extend",
    summary="Extend the hold period",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.ExtensionLimit, errors.OnHold)
def extend(request: CallerRequest, package_id: UUID, body: ExtendIn) -> HttpResponse:
    """Extend the hold of a STORED or EXPIRED package, within the location's limit.

    Without an Idempotency-Key, the same request within a minute counts as a repeat and extends nothing.
    """
    keyless = "Idempotency-Key" not in request.headers
    return change(request, operations.extend, package_id, hours=body.hours, may_repeat=keyless)


@router.post(
    "/packages/{package_id}/return",
    auth=courier_key,
    response=PackageOut,
    operation_id="return_to_courier",
    summary="Confirm that the package has been taken out",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def return_to_courier(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """EXPIRED, or canceled while in its compartment → RETURNED: the compartment is available again."""
    return change(request, operations.return_to_courier, package_id)


@router.post(
    "/packages/{package_id}/resend-code",
    auth=courier_key,
    response={202: PackageOut},
    operation_id="resend_code",
    summary="Send the recipient a new pickup code",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.NothingToResend, errors.OnHold)
def resend_code(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Replace the code and send it to the recipient; the old code stops working."""
    return change(request, operations.resend_code, package_id, status=202)
