"""Doors that are reserved: opened to put the parcel in, and looked into when nobody confirmed it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from common.refusals import refuses
from packages_app import errors, operations
from packages_app.api.calls import IDEMPOTENT, CallerRequest, change
from packages_app.api.schemas.changes import FoundIn
from packages_app.api.schemas.packages import PackageOut
from packages_app.keys.auth import any_key, courier_key
from packages_app.operations.packages.record_found import Outcome

router = Router(tags=["couriers"])


@router.post(
    "/packages/{package_id}/open",
    auth=any_key,
    response=PackageOut,
    operation_id="open_door",
    summary="Say that a reserved door is opened",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def open_door(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """PENDING only; a repeat changes nothing. At least five minutes are left to confirm the deposit."""
    return change(request, operations.open_door, package_id)


@router.post(
    "/packages/{package_id}/found",
    auth=courier_key,
    response=PackageOut,
    operation_id="found",
    summary="The parcel of a lapsed reservation is in its door after all",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.DuplicateTrackingNumber)
def found(request: CallerRequest, package_id: UUID, body: FoundIn) -> HttpResponse:
    """`stays`: STORED, as a deposit would have done. `taken_out`: RETURNED, and the door is free.

    Only for a reservation that was cancelled or lapsed, while its door is `unverified` because of it.
    """
    return change(request, operations.record_found, package_id, outcome=Outcome(body.outcome))
