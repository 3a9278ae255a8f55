"""Calls that read and leave the queue of a full location. `POST /lockers/assign` creates the entries."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from common.pagination import Cursor, Limit
from common.refusals import refuses
from lockers.schemas import LocationCode, known_only
from packages_app import errors, operations
from packages_app.api.problems import respond
from packages_app.api.responses import IDEMPOTENT, CallerRequest, given_filters, page, perform
from packages_app.api.schemas.fields import TrackingNumber
from packages_app.api.schemas.queue import QueueEntryOut, QueuePage
from packages_app.keys.auth import courier_key
from packages_app.models import QueueEntry, QueueStatus
from packages_app.payloads import package_json
from packages_app.payloads.answer import Answer

router = Router(tags=["queue"])


@router.get(
    "/queue",
    auth=courier_key,
    response=QueuePage,
    operation_id="list_queue",
    summary="List queue entries",
)
def list_queue(
    request: CallerRequest,
    status: QueueStatus | None = None,
    location: LocationCode | None = None,
    tracking_number: TrackingNumber | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> HttpResponse:
    """Queue entries, newest first, including those that have ended."""
    known_only(request, "status", "location", "tracking_number", "limit", "cursor")
    filters = given_filters(status=status, location__code=location, tracking_number=tracking_number)
    entries = request.auth.actor.queue_entries().select_related("location").with_position()
    order = ("-created_at", "-id")
    return page(entries.filter(**filters), package_json.queue_entry, order=order, limit=limit, cursor=cursor)


@router.get(
    "/queue/{entry_id}",
    auth=courier_key,
    response=QueueEntryOut,
    operation_id="get_queue_entry",
    summary="Get a queue entry",
)
def get_queue_entry(request: CallerRequest, entry_id: UUID) -> HttpResponse:
    """Return the entry with its position.

    Once it has been granted a compartment, `package_id` is the package to deposit: open its door with
    `POST /packages/{id}/open`.
    """
    known_only(request)
    entries = request.auth.actor.queue_entries().select_related("location").with_position()
    entry = entries.filter(pk=entry_id).first()
    if entry is None:
        raise errors.UnknownQueueEntry
    return respond(Answer(200, package_json.queue_entry(entry)))


@router.post(
    "/queue/{entry_id}/leave",
    auth=courier_key,
    response=QueueEntryOut,
    operation_id="leave_queue",
    summary="Leave the queue",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.NotWaiting)
def leave_queue(request: CallerRequest, entry_id: UUID) -> HttpResponse:
    """End an entry: WAITING → LEFT.

    An entry that was granted a compartment has become a package: cancel that one.
    """
    return perform(request, operations.leave_queue, render=_left, entry_id=entry_id)


def _left(entry: QueueEntry) -> Answer:
    return Answer(200, package_json.queue_entry(entry))
