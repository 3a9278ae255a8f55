"""What couriers do when a hand-over has to wait."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from lockers.errors import refuses
from packages_app import errors, operations
from packages_app.api.calls import IDEMPOTENT, CallerRequest, change
from packages_app.auth import courier_key
from packages_app.operations.hold import HoldReason
from packages_app.schemas import HoldIn, PackageOut

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
    return change(request, operations.hold, package_id, reason=HoldReason(asked.reason), note=asked.note)


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
    return change(request, operations.release, package_id)
