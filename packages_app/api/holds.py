"""What couriers do when a hand-over has to wait, or somebody else collects."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from common.refusals import refuses
from packages_app import errors, operations
from packages_app.api.calls import IDEMPOTENT, CallerRequest, change
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
    summary="Hold a package back",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def hold(request: CallerRequest, package_id: UUID, body: HoldIn | None = None) -> HttpResponse:
    """It keeps its status and its time, and no code opens its door until it is released."""
    asked = body or HoldIn()
    return change(
        request, operations.put_on_hold, package_id, reason=HoldReason(asked.reason), note=asked.note
    )


@router.post(
    "/packages/{package_id}/release",
    auth=courier_key,
    response=PackageOut,
    operation_id="release",
    summary="Hold a package back no longer",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def release(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """The codes work; the time that it was held back is given back, within the location's limit."""
    return change(request, operations.release_hold, package_id)


@router.post(
    "/packages/{package_id}/delegate",
    auth=courier_key,
    response={201: PackageOut},
    operation_id="name_delegate",
    summary="Let somebody else collect",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def name_delegate(request: CallerRequest, package_id: UUID, body: DelegateIn) -> HttpResponse:
    """They are told a code of their own, and the recipient who they are. One at a time, the last named."""
    delegate = Delegate(
        name=body.name, email=body.email or "", phone=body.phone or "", language=body.language
    )
    return change(request, operations.name_delegate, package_id, status=201, delegate=delegate)


@router.delete(
    "/packages/{package_id}/delegate",
    auth=courier_key,
    response=PackageOut,
    operation_id="remove_delegate",
    summary="Let nobody else collect",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def remove_delegate(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Their code opens nothing any more; the recipient's does. Asked again, it changes nothing."""
    return change(request, operations.remove_delegate, package_id)


@router.post(
    "/packages/{package_id}/delegate/resend-code",
    auth=courier_key,
    response={202: PackageOut},
    operation_id="resend_delegate_code",
    summary="Give the delegate a new code",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.OnHold, errors.NoDelegate, errors.NothingToResend)
def resend_delegate_code(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Their old code dies, and they are told the new one; the recipient's code stays as it is."""
    return change(request, operations.resend_delegate_code, package_id, status=202)
