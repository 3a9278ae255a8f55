"""Refusals of operations on webhooks and their deliveries."""

from __future__ import annotations

from common.refusals import Refusal


class UnknownWebhook(Refusal):
    """There is no such webhook.

    Find its id with `GET /webhooks`.
    """

    code = "unknown_webhook"
    status = 404


class UnknownDelivery(Refusal):
    """There is no such delivery to this webhook.

    Use the `id` of one of its deliveries.
    """

    code = "unknown_delivery"
    status = 404


class TooManyWebhooks(Refusal):
    """The courier has reached its limit of webhooks.

    Delete one that you no longer need, or subscribe one of them to more events.
    """

    code = "too_many_webhooks"


class DuplicateWebhook(Refusal):
    """The courier already has a webhook for this URL.

    `webhook_id` is that one.
    """

    code = "duplicate_webhook"
    example = {"webhook_id": "0198f4a2-9e11-7c33-8d5e-5a1b7c2d9e40"}


class WebhookDisabled(Refusal):
    """The webhook is disabled; enable it first.

    Send `POST /webhooks/{id}/enable` when the endpoint works again.
    """

    code = "webhook_disabled"


class DeliveryUnderWay(Refusal):
    """This delivery has not ended yet: it is retried automatically.

    `next_attempt_at` is the time of the next attempt.
    """

    code = "delivery_under_way"
