"""Calls about reserved compartments: opening the door, and packages found after a reservation lapsed."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from common.refusals import refuses
from packages_app import errors, operations
from packages_app.api.responses import IDEMPOTENT, CallerRequest, change
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
    summary="Open the door of a reserved compartment",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus)
def open_door(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """For a PENDING package; a repeat changes nothing.

    The reservation is extended where needed, so that five minutes are left to confirm the deposit.
    """
    return change(request, operations.open_door, package_id)


@router.post(
    "/packages/{package_id}/found",
    auth=courier_key,
    response=PackageOut,
    operation_id="found",
    summary="Report that the package of a lapsed reservation is in its compartment",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WrongStatus, errors.DuplicateTrackingNumber)
def found(request: CallerRequest, package_id: UUID, body: FoundIn) -> HttpResponse:
    """`stays` → STORED, as after a deposit. `taken_out` → RETURNED, and the compartment is available.

    For a reservation that was canceled or lapsed, while its compartment is `unverified` for that reason.
    """
    return change(request, operations.record_found, package_id, outcome=Outcome(body.outcome))
