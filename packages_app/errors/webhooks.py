"""Refusals of couriers' webhooks and what was delivered to them."""

from __future__ import annotations

from common.refusals import Refusal


class UnknownWebhook(Refusal):
    """There is no such webhook.

    Look for its id with `GET /webhooks`.
    """

    code = "unknown_webhook"
    status = 404


class UnknownDelivery(Refusal):
    """There is no such delivery to this webhook.

    Take the `id` of one of its deliveries.
    """

    code = "unknown_delivery"
    status = 404


class TooManyWebhooks(Refusal):
    """The courier has as many webhooks as it may have.

    Delete one that you need no more, or let one take more kinds of events.
    """

    code = "too_many_webhooks"


class DuplicateWebhook(Refusal):
    """The courier has a webhook for this URL already.

    `webhook_id` is that one.
    """

    code = "duplicate_webhook"
    example = {"webhook_id": "0198f4a2-9e11-7c33-8d5e-5a1b7c2d9e40"}


class WebhookDisabled(Refusal):
    """The webhook is disabled; enable it first.

    `POST /webhooks/{id}/enable`, when the endpoint works again.
    """

    code = "webhook_disabled"


class DeliveryUnderWay(Refusal):
    """This delivery has not ended yet: it is tried again by itself.

    `next_attempt_at` says when.
    """

    code = "delivery_under_way"
