"""Calls that manage couriers' webhooks and show what was delivered to them."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Path, Router

from common.pagination import Cursor, Limit
from common.refusals import refuses
from lockers.schemas import known_only
from notifications.models import Notification
from packages_app import errors
from packages_app.api.problems import respond
from packages_app.api.responses import IDEMPOTENT, CallerRequest, page, perform
from packages_app.api.schemas.webhooks import (
    ALL_EVENTS,
    DELIVERY_ID,
    DeliveryId,
    DeliveryOut,
    DeliveryPage,
    WebhookIn,
    WebhookOut,
    WebhookPage,
    WebhookWithSecretOut,
)
from packages_app.core.operation import Operation
from packages_app.keys.auth import unbound_courier_key
from packages_app.models import Webhook, WebhookQuerySet
from packages_app.operations import webhooks as operations
from packages_app.payloads import webhook_json
from packages_app.payloads.answer import Answer

router = Router(tags=["webhooks"], auth=unbound_courier_key)


@router.get(
    "/webhooks",
    response=WebhookPage,
    operation_id="list_webhooks",
    summary="List webhooks",
)
def list_webhooks(request: CallerRequest, limit: Limit = 50, cursor: Cursor = None) -> HttpResponse:
    """Return webhooks, newest first, without their secrets."""
    known_only(request, "limit", "cursor")
    webhooks = _webhooks(request).select_related("destination")
    return page(webhooks, webhook_json.webhook, order=("-created_at", "-id"), limit=limit, cursor=cursor)


@router.post(
    "/webhooks",
    response={201: WebhookWithSecretOut},
    operation_id="create_webhook",
    summary="Create a webhook",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.DuplicateWebhook, errors.TooManyWebhooks)
def create_webhook(request: CallerRequest, body: WebhookIn) -> HttpResponse:
    """Create a webhook and return its signing secret, which is shown only once.

    A courier has at most ten webhooks, each with a different URL.
    """
    return perform(
        request,
        operations.create_webhook,
        render=partial(webhook_json.with_secret, status=201),
        url=body.url,
        events=list(body.events or ALL_EVENTS),
        description=body.description,
    )


@router.get(
    "/webhooks/{webhook_id}",
    response=WebhookOut,
    operation_id="get_webhook",
    summary="Get a webhook",
)
def get_webhook(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Return the webhook, with the last error if its endpoint does not work."""
    known_only(request)
    return respond(webhook_json.answer(_webhook(request, webhook_id)))


@router.delete(
    "/webhooks/{webhook_id}",
    response={204: None},
    operation_id="delete_webhook",
    summary="Delete a webhook",
    openapi_extra=IDEMPOTENT,
)
def delete_webhook(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Delete the webhook; messages that have not been delivered to it yet are dropped."""
    known_only(request)
    return _change(request, operations.delete_webhook, _deleted, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/rotate-secret",
    response=WebhookWithSecretOut,
    operation_id="rotate_webhook_secret",
    summary="Rotate the signing secret",
    openapi_extra=IDEMPOTENT,
)
def rotate_secret(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Replace the signing secret and return the new one, which is shown only once.

    For 24 hours, messages carry two signatures: one with the old secret and one with the new one.
    """
    render = partial(webhook_json.with_secret, status=200)
    return _change(request, operations.rotate_secret, render, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/enable",
    response=WebhookOut,
    operation_id="enable_webhook",
    summary="Enable a webhook",
    openapi_extra=IDEMPOTENT,
)
def enable_webhook(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Resume delivery at once, after a pause or after the webhook was disabled.

    Messages that ended in the meantime can be sent again.
    """
    return _change(request, operations.enable_webhook, webhook_json.answer, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/test",
    response=DeliveryOut,
    operation_id="test_webhook",
    summary="Send a test event",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WebhookDisabled)
def test_webhook(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Send an event of type `webhook.test`; the list of deliveries shows whether it arrived."""
    return _change(request, operations.send_test_event, webhook_json.delivery_answer, webhook_id)


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    response=DeliveryPage,
    operation_id="list_deliveries",
    summary="List deliveries",
)
def list_deliveries(
    request: CallerRequest, webhook_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> HttpResponse:
    """Return deliveries to the webhook, newest first."""
    known_only(request, "limit", "cursor")
    webhook = _webhook(request, webhook_id)
    sent = Notification.objects.to_destination(webhook.destination_id)
    return page(sent, webhook_json.delivery, order=("-id",), limit=limit, cursor=cursor)


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
    response=DeliveryOut,
    operation_id="resend_delivery",
    summary="Resend a delivery",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WebhookDisabled, errors.DeliveryUnderWay)
def resend_delivery(request: CallerRequest, webhook_id: UUID, delivery_id: Path[DeliveryId]) -> HttpResponse:
    """Send it again with the same `webhook-id` and content, even if it had arrived.

    A delivery that has not ended yet cannot be resent.
    """
    number = re.match(DELIVERY_ID, delivery_id, re.ASCII)
    return _change(
        request,
        operations.resend_delivery,
        webhook_json.delivery_answer,
        webhook_id,
        delivery_id=int(number[1]) if number else 0,
    )


def _deleted(nothing: None) -> Answer:
    return Answer(204, {})


def _webhooks(request: CallerRequest) -> WebhookQuerySet:
    assert request.auth.actor.courier_id is not None
    return Webhook.objects.for_courier(request.auth.actor.courier_id)


def _webhook(request: CallerRequest, webhook_id: UUID) -> Webhook:
    webhook = _webhooks(request).select_related("destination").filter(pk=webhook_id).first()
    if webhook is None:
        raise errors.UnknownWebhook
    return webhook


def _change(
    request: CallerRequest,
    operation: Operation[Any, Any],
    render: Any,
    webhook_id: UUID,
    **arguments: Any,
) -> HttpResponse:
    return perform(
        request,
        operation,
        render=render,
        webhooks=_webhooks(request),
        webhook_id=webhook_id,
        **arguments,
    )
