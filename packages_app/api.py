"""The API of couriers and kiosks over packages: thin, one operation or one read a call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from lockers import allocation, finding
from lockers.errors import Refusal
from lockers.models import Location, Size
from lockers.pagination import Cursor, Limit, paginate
from packages_app import bodies, errors, operations
from packages_app.access import Caller
from packages_app.auth import courier_key, kiosk_key
from packages_app.idempotency import VISIBLE_ASCII, Answer, Receipt, fingerprint
from packages_app.models import Package, Recipient
from packages_app.operation import Operation
from packages_app.operations.pick_up import Typed
from packages_app.operations.reassign import Reason
from packages_app.problems import PROBLEMS, InvalidIdempotencyKey, problem_answer, respond
from packages_app.schemas import (
    AssignIn,
    CancelIn,
    EventPage,
    ExtendIn,
    LocationCode,
    PackageOut,
    PackagePage,
    PickupIn,
    PickupOut,
    PickupWithCodeIn,
    ReassignIn,
)

router = Router(tags=["packages"])
pickup_router = Router(tags=["kiosk"])

IDEMPOTENT: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "description": "Strongly advised: a repeat with the same key and body gets the same answer.",
        }
    ]
}


class CallerRequest(HttpRequest):
    """A request whose key was verified."""

    auth: Caller


def perform(
    request: CallerRequest,
    operation: Operation[Any, Any],
    *,
    render: Callable[[Any], Answer],
    **arguments: Any,
) -> HttpResponse:
    """Run a courier's operation once for its Idempotency-Key, and answer."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not VISIBLE_ASCII.match(key):
        raise InvalidIdempotencyKey
    receipt = Receipt(
        courier_id=request.auth.actor.courier_id or 0,
        key=key,
        fingerprint=fingerprint(request.method or "", request.path, request.body),
        reads_codes=request.auth.reads_codes,
    )
    arguments |= {"by": request.auth.actor, "now": timezone.now()}
    answer = operation.once(receipt, render, partial(_refuse, request), **arguments)
    return respond(answer)


def _refuse(request: CallerRequest, refusal: Refusal) -> Answer:
    """A full location's answer names the nearest ones that do have room."""
    if isinstance(refusal, errors.LocationFull):
        refusal.facts = {
            "as_of": bodies.moment(timezone.now()),
            "alternatives": finding.nearest_with_room(
                refusal.location, size=refusal.size, accessible=refusal.accessible
            ),
        }
    return problem_answer(request, refusal)


def change(
    request: CallerRequest,
    operation: Operation[Any, Package],
    package_id: UUID,
    *,
    status: int = 200,
    **arguments: Any,
) -> HttpResponse:
    """`perform` for an operation on one package, whose answer is the package."""
    render = partial(bodies.answer, status=status, code=request.auth.reads_codes)
    return perform(request, operation, render=render, package_id=package_id, **arguments)


@router.post(
    "/lockers/assign",
    auth=courier_key,
    response={201: PackageOut, **PROBLEMS},
    operation_id="assign",
    summary="Find room for a package",
    openapi_extra=IDEMPOTENT,
)
def assign(request: CallerRequest, body: AssignIn) -> HttpResponse:
    """Claims a compartment and says which door to open. `deposited: false` only reserves it."""
    recipient = Recipient(
        name=body.recipient.name,
        email=body.recipient.email or "",
        phone=body.recipient.phone or "",
        language=body.recipient.language,
    )
    return perform(
        request,
        operations.assign,
        render=partial(bodies.assigned, code=request.auth.reads_codes),
        location=body.location,
        tracking_number=body.tracking_number,
        size=_size(body),
        recipient=recipient,
        accessible=body.accessible,
        deposited=body.deposited,
        reserve_for=timedelta(minutes=body.reserve_minutes),
    )


def _size(body: AssignIn) -> Size:
    """The size asked for, or the smallest that takes the parcel. Raises `FitsNoCompartment`."""
    asked = Size[body.size] if body.size else Size.SMALL
    if body.dimensions is None and body.weight_g is None:
        return asked
    edges = body.dimensions.dict() if body.dimensions else {}
    size = allocation.size_for(weight_g=body.weight_g, **edges)
    if size is None:
        raise errors.FitsNoCompartment
    return max(size, asked)


@router.post(
    "/packages/{package_id}/deposit",
    auth=courier_key,
    response={200: PackageOut, **PROBLEMS},
    operation_id="deposit",
    summary="Confirm that the package lies in its door",
    openapi_extra=IDEMPOTENT,
)
def deposit(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """PENDING → STORED; the hold begins, and the recipient is told the code."""
    return change(request, operations.deposit, package_id)


@router.post(
    "/packages/{package_id}/reassign",
    auth=courier_key,
    response={200: PackageOut, **PROBLEMS},
    operation_id="reassign",
    summary="Ask for another door",
    openapi_extra=IDEMPOTENT,
)
def reassign(request: CallerRequest, package_id: UUID, body: ReassignIn) -> HttpResponse:
    """A larger door for `too_small`; the old one is taken out of use where the reason says so."""
    return change(request, operations.reassign, package_id, reason=Reason(body.reason))


@router.post(
    "/packages/{package_id}/cancel",
    auth=courier_key,
    response={200: PackageOut, **PROBLEMS},
    operation_id="cancel",
    summary="Call a package off",
    openapi_extra=IDEMPOTENT,
)
def cancel(request: CallerRequest, package_id: UUID, body: CancelIn | None = None) -> HttpResponse:
    """A stored one holds its door until it is returned."""
    return change(request, operations.cancel, package_id, reason=body.reason if body else "")


@router.post(
    "/packages/{package_id}/extend",
    auth=courier_key,
    response={200: PackageOut, **PROBLEMS},
    operation_id="extend",
    summary="Let a package wait longer",
    openapi_extra=IDEMPOTENT,
)
def extend(request: CallerRequest, package_id: UUID, body: ExtendIn) -> HttpResponse:
    """STORED or EXPIRED, within the location's limit."""
    return change(request, operations.extend, package_id, hours=body.hours)


@router.post(
    "/packages/{package_id}/return",
    auth=courier_key,
    response={200: PackageOut, **PROBLEMS},
    operation_id="return_to_courier",
    summary="Confirm that the package was taken out",
    openapi_extra=IDEMPOTENT,
)
def return_to_courier(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """EXPIRED, or cancelled in its door → RETURNED; frees the compartment."""
    return change(request, operations.return_to_courier, package_id)


@router.post(
    "/packages/{package_id}/resend-code",
    auth=courier_key,
    response={202: PackageOut, **PROBLEMS},
    operation_id="resend_code",
    summary="Give the recipient a new code",
    openapi_extra=IDEMPOTENT,
)
def resend_code(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """The old code dies; the recipient is told the new one."""
    return change(request, operations.resend_code, package_id, status=202)


@router.get(
    "/packages/{package_id}",
    auth=courier_key,
    response={200: PackageOut, **PROBLEMS},
    operation_id="get_package",
    summary="One package",
)
def get_package(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Where it is and how it stands."""
    package = _package(request, package_id)
    return respond(Answer(200, bodies.of_row(package, code=request.auth.reads_codes)))


@router.get(
    "/packages/{package_id}/events",
    auth=courier_key,
    response={200: EventPage, **PROBLEMS},
    operation_id="list_events",
    summary="A package's history",
)
def list_events(
    request: CallerRequest, package_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> HttpResponse:
    """Oldest first."""
    package = _package(request, package_id)
    lines = package.events.select_related("compartment__locker")
    rows, next_cursor = paginate(lines, order=("id",), limit=limit, cursor=cursor)
    return respond(Answer(200, {"items": [bodies.event(line) for line in rows], "next_cursor": next_cursor}))


@router.get(
    "/returns",
    auth=courier_key,
    response={200: PackagePage, **PROBLEMS},
    operation_id="list_returns",
    summary="Packages that wait to be taken out",
)
def list_returns(
    request: CallerRequest, location: LocationCode | None = None, limit: Limit = 50, cursor: Cursor = None
) -> HttpResponse:
    """The courier's own, oldest first."""
    packages = request.auth.actor.packages().to_return().select_related("location", "compartment__locker")
    if location is not None:
        if not Location.objects.filter(code=location).exists():
            raise errors.UnknownLocation
        packages = packages.filter(location__code=location)
    rows, next_cursor = paginate(packages, order=("expires_at", "id"), limit=limit, cursor=cursor)
    items = [bodies.of_row(package, code=False) for package in rows]
    return respond(Answer(200, {"items": items, "next_cursor": next_cursor}))


@pickup_router.post(
    "/pickup",
    auth=kiosk_key,
    response={200: PickupOut, **PROBLEMS},
    operation_id="pickup",
    summary="Open the door for a code",
)
def pickup(request: CallerRequest, body: PickupWithCodeIn) -> HttpResponse:
    """The code in the body: it stands in no URL and so in no log of a proxy."""
    return _pick_up(request, body.code, body)


@pickup_router.post(
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


def _package(request: CallerRequest, package_id: UUID) -> Package:
    packages = request.auth.actor.packages().select_related("location", "compartment__locker")
    package = packages.filter(pk=package_id).first()
    if package is None:
        raise errors.UnknownPackage
    return package
