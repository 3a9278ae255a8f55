"""Webhooks of couriers: made, looked after, and what was sent to them."""

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
from notifications.models import Channel, Notification
from packages_app import errors
from packages_app.api.calls import IDEMPOTENT, CallerRequest, listed, perform
from packages_app.api.problems import respond
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
    summary="The courier's webhooks",
)
def list_webhooks(request: CallerRequest, limit: Limit = 50, cursor: Cursor = None) -> HttpResponse:
    """Newest first; without their secrets."""
    known_only(request, "limit", "cursor")
    found = _webhooks(request).select_related("destination")
    return listed(found, webhook_json.webhook, order=("-created_at", "-id"), limit=limit, cursor=cursor)


@router.post(
    "/webhooks",
    response={201: WebhookWithSecretOut},
    operation_id="create_webhook",
    summary="Be told of what happens",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.DuplicateWebhook, errors.TooManyWebhooks)
def create_webhook(request: CallerRequest, body: WebhookIn) -> HttpResponse:
    """The answer shows the signing secret, this once. Ten webhooks at the most, each URL once."""
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
    summary="One webhook",
)
def get_webhook(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Whether it works, and why not."""
    known_only(request)
    return respond(webhook_json.answer(_webhook(request, webhook_id)))


@router.delete(
    "/webhooks/{webhook_id}",
    response={204: None},
    operation_id="delete_webhook",
    summary="Be told no more",
    openapi_extra=IDEMPOTENT,
)
def delete_webhook(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """What waited for it ends."""
    known_only(request)
    return _change(request, operations.delete_webhook, _gone, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/rotate-secret",
    response=WebhookWithSecretOut,
    operation_id="rotate_webhook_secret",
    summary="A new signing secret",
    openapi_extra=IDEMPOTENT,
)
def rotate_secret(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Shown this once. For 24 hours messages carry two signatures, one of the old secret too."""
    render = partial(webhook_json.with_secret, status=200)
    return _change(request, operations.rotate_secret, render, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/enable",
    response=WebhookOut,
    operation_id="enable_webhook",
    summary="The endpoint works again",
    openapi_extra=IDEMPOTENT,
)
def enable_webhook(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Ends a pause at once, and takes back that it was disabled. What ended meanwhile can be sent again."""
    return _change(request, operations.enable_webhook, webhook_json.answer, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/test",
    response=DeliveryOut,
    operation_id="test_webhook",
    summary="Send a test message",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WebhookDisabled)
def test_webhook(request: CallerRequest, webhook_id: UUID) -> HttpResponse:
    """Of the type `webhook.test`, within moments; how it went stands in the deliveries."""
    return _change(request, operations.send_test_event, webhook_json.delivery_answer, webhook_id)


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    response=DeliveryPage,
    operation_id="list_deliveries",
    summary="What was sent, and whether it arrived",
)
def list_deliveries(
    request: CallerRequest, webhook_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> HttpResponse:
    """Newest first."""
    known_only(request, "limit", "cursor")
    webhook = _webhook(request, webhook_id)
    sent = Notification.objects.filter(subject=webhook.destination_id, channel=Channel.WEBHOOK)
    return listed(sent, webhook_json.delivery, order=("-id",), limit=limit, cursor=cursor)


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
    response=DeliveryOut,
    operation_id="resend_delivery",
    summary="Send a message again",
    openapi_extra=IDEMPOTENT,
)
@refuses(errors.WebhookDisabled, errors.DeliveryUnderWay)
def resend_delivery(request: CallerRequest, webhook_id: UUID, delivery_id: Path[DeliveryId]) -> HttpResponse:
    """With the same `webhook-id` and content; any that is not under way, also one that had arrived."""
    number = re.match(DELIVERY_ID, delivery_id, re.ASCII)
    return _change(
        request,
        operations.resend_delivery,
        webhook_json.delivery_answer,
        webhook_id,
        delivery_id=int(number[1]) if number else 0,
    )


def _gone(nothing: None) -> Answer:
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
