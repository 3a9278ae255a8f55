"""Calls that put packages on hold and name delegates."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from common.refusals import refuses
from packages_app import errors, operations
from packages_app.api.responses import IDEMPOTENT, CallerRequest, change
from packages_app.api.schemas.changes import DelegateIn, HoldIn
from packages_app.api.schemas.packages import PackageOut
from packages_app.keys.auth import courier_key
from packages_app.models import Delegate
from packages_app.operations.packages.put_on_hold import HoldReason

router = Router(tags=["couriers"])


@router.post(
    "/packages/{package_id}/hold",
    auth=courier_key,
    response=PackageOut,
    operation_id="hold",
    summary="Put a package on hold",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def hold(request: CallerRequest, package_id: UUID, body: HoldIn | None = None) -> HttpResponse:
    """Keep the door shut for every code until the package is released.

    The package keeps its status and its remaining time.
    """
    wanted = body or HoldIn()
    return change(
        request, operations.put_on_hold, package_id, reason=HoldReason(wanted.reason), note=wanted.note
    )


@router.post(
    "/packages/{package_id}/release",
    auth=courier_key,
    response=PackageOut,
    operation_id="release",
    summary="Release a package that is on hold",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def release(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Let the codes work again, and extend the hold period by the time the package was on hold.

    The location's limit applies.
    """
    return change(request, operations.release_hold, package_id)


@router.post(
    "/packages/{package_id}/delegate",
    auth=courier_key,
    response={201: PackageOut},
    operation_id="name_delegate",
    summary="Name a delegate",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def name_delegate(request: CallerRequest, package_id: UUID, body: DelegateIn) -> HttpResponse:
    """Send the delegate a code of their own, and tell the recipient who may pick up.

    A package has one delegate at a time: naming another one replaces the first.
    """
    delegate = Delegate(
        name=body.name, email=body.email or "", phone=body.phone or "", language=body.language
    )
    return change(request, operations.name_delegate, package_id, status=201, delegate=delegate)


@router.delete(
    "/packages/{package_id}/delegate",
    auth=courier_key,
    response=PackageOut,
    operation_id="remove_delegate",
    summary="Remove the delegate",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def remove_delegate(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Stop the delegate's code from working; the recipient's code still works. A repeat changes nothing."""
    return change(request, operations.remove_delegate, package_id)


@router.post(
    "/packages/{package_id}/delegate/resend-code",
    auth=courier_key,
    response={202: PackageOut},
    operation_id="resend_delegate_code",
    summary="Send the delegate a new pickup code",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.OnHold, errors.NoDelegate, errors.NothingToResend)
def resend_delegate_code(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Replace the delegate's code and send it to them; the old code stops working.

    The recipient's code stays the same.
    """
    return change(request, operations.resend_delegate_code, package_id, status=202)
