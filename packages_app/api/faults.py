"""Reports by couriers and kiosks of compartments that do not work."""

from __future__ import annotations

from functools import partial

from django.http import HttpResponse
from ninja import Path, Router

from lockers.models import Compartment
from packages_app import operations
from packages_app.api.responses import IDEMPOTENT, CallerRequest, perform
from packages_app.api.schemas.fields import CompartmentId
from packages_app.api.schemas.kiosks import FaultIn, FaultOut
from packages_app.keys import rate_limits
from packages_app.keys.auth import any_key
from packages_app.operations.locations.report_fault import Fault
from packages_app.payloads import package_json
from packages_app.payloads.answer import Answer

router = Router(tags=["faults"])


@router.post(
    "/compartments/{compartment_id}/faults",
    auth=any_key,
    response={201: FaultOut},
    operation_id="report_fault",
    summary="Report a compartment that does not work",
    openapi_extra=IDEMPOTENT,
)
def report_fault(request: CallerRequest, compartment_id: Path[CompartmentId], body: FaultIn) -> HttpResponse:
    """Take the compartment out of service and tell the location's managers.

    A kiosk may report compartments of its own location only.
    """
    rate_limits.count_fault(request, request.auth)
    return perform(
        request,
        operations.report_fault,
        render=partial(_reported, kind=body.kind),
        compartments=Compartment.objects.filter(location__in=request.auth.locations()),
        compartment_id=compartment_id,
        fault=Fault(body.kind),
        note=body.note,
    )


def _reported(compartment: Compartment, *, kind: str) -> Answer:
    body = package_json.door(compartment.pk, compartment.locker.name, compartment.label, compartment.size)
    return Answer(201, {"compartment": body, "kind": kind, "status": str(compartment.status)})
