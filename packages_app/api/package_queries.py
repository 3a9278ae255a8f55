"""Calls that read packages, their history, their messages and the packages to take back."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from common.pagination import Cursor, Limit
from common.refusals import refuses
from lockers.schemas import LocationCode, known_only
from notifications.models import Notification
from packages_app import errors
from packages_app.api.problems import respond
from packages_app.api.responses import CallerRequest, given_filters, page
from packages_app.api.schemas.fields import Moment, TrackingNumber
from packages_app.api.schemas.packages import EventPage, MessagePage, PackageOut, PackagePage
from packages_app.keys.auth import courier_key
from packages_app.life.lifecycle import Status
from packages_app.models import Package
from packages_app.payloads import package_json
from packages_app.payloads.answer import Answer

router = Router(tags=["couriers"])


@router.get(
    "/packages/{package_id}",
    auth=courier_key,
    response=PackageOut,
    operation_id="get_package",
    summary="Get a package",
)
def get_package(request: CallerRequest, package_id: UUID) -> HttpResponse:
    """Return the package with its status, its location and its compartment."""
    known_only(request)
    package = _package(request, package_id)
    return respond(Answer(200, package_json.of_row(package, code=request.auth.reads_codes)))


@router.get(
    "/packages",
    auth=courier_key,
    response=PackagePage,
    operation_id="list_packages",
    summary="List packages",
)
def list_packages(
    request: CallerRequest,
    status: Status | None = None,
    location: LocationCode | None = None,
    tracking_number: TrackingNumber | None = None,
    updated_since: Moment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> HttpResponse:
    """Return packages, newest first.

    With `updated_since`, in the order of their last change, to keep a copy in sync.
    """
    known_only(request, "status", "location", "tracking_number", "updated_since", "limit", "cursor")
    filters = given_filters(
        status=status,
        location__code=location,
        tracking_number=tracking_number,
        updated_at__gte=updated_since,
    )
    packages = request.auth.actor.packages().shown().filter(**filters)
    order = ("updated_at", "id") if updated_since else ("-created_at", "-id")
    body = partial(package_json.of_row, code=request.auth.reads_codes)
    return page(packages, body, order=order, limit=limit, cursor=cursor)


@router.get(
    "/packages/{package_id}/events",
    auth=courier_key,
    response=EventPage,
    operation_id="list_events",
    summary="Get the history of a package",
)
def list_events(
    request: CallerRequest, package_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> HttpResponse:
    """Return the events of the package, oldest first."""
    known_only(request, "limit", "cursor")
    package = _package(request, package_id)
    lines = package.events.select_related("compartment__locker")
    return page(lines, package_json.event, order=("id",), limit=limit, cursor=cursor)


@router.get(
    "/packages/{package_id}/notifications",
    auth=courier_key,
    response=MessagePage,
    operation_id="list_notifications",
    summary="List the messages about a package",
)
def list_notifications(
    request: CallerRequest, package_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> HttpResponse:
    """Return the messages about the package, oldest first: kind, status and times, never their text."""
    known_only(request, "limit", "cursor")
    package = _package(request, package_id)
    messages = Notification.objects.about(f"package:{package.pk}")
    return page(messages, package_json.message, order=("id",), limit=limit, cursor=cursor)


@router.get(
    "/returns",
    auth=courier_key,
    response=PackagePage,
    operation_id="list_returns",
    summary="List packages to take back",
)
@refuses(errors.UnknownLocation)
def list_returns(
    request: CallerRequest, location: LocationCode | None = None, limit: Limit = 50, cursor: Cursor = None
) -> HttpResponse:
    """Return the courier's packages that have to be taken out of their compartments, oldest first."""
    known_only(request, "location", "limit", "cursor")
    packages = request.auth.actor.packages().to_return().shown()
    if location is not None:
        if not request.auth.locations().filter(code=location).exists():
            raise errors.UnknownLocation
        packages = packages.filter(location__code=location)
    body = partial(package_json.of_row, code=False)
    return page(packages, body, order=("expires_at", "id"), limit=limit, cursor=cursor)


def _package(request: CallerRequest, package_id: UUID) -> Package:
    packages = request.auth.actor.packages().shown()
    package = packages.filter(pk=package_id).first()
    if package is None:
        raise errors.UnknownPackage
    return package
