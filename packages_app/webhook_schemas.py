"""What the calls about webhooks take and give."""

from __future__ import annotations

from typing import Annotated

from ninja import Schema
from pydantic import AfterValidator, Field, StringConstraints

from notifications import targets
from packages_app.models import EventType
from packages_app.schemas import ReasonText, Strict

ALL_EVENTS: list[str] = list(EventType.values)
DELIVERY_ID = r"\Amsg_\d{14}_(\d{1,18})\Z"


def _url(value: str) -> str:
    targets.parse(value)  # a ValueError, whose words name what is wrong
    return value


def _event(name: str) -> str:
    if name not in ALL_EVENTS:
        raise ValueError(f"must be one of {', '.join(ALL_EVENTS)}")
    return name


def _each_once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


WebhookUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=targets.LONGEST_URL),
    AfterValidator(_url),
    Field(json_schema_extra={"format": "uri", "examples": ["https://hooks.example.com/lockers"]}),
]
EventName = Annotated[str, AfterValidator(_event), Field(json_schema_extra={"enum": ALL_EVENTS})]
EventNames = Annotated[list[EventName], Field(min_length=1, max_length=50), AfterValidator(_each_once)]


class WebhookIn(Strict):
    """An endpoint: https, port 443 or 8443, on the public internet. Without `events`: all of them."""

    url: WebhookUrl
    events: EventNames | None = None
    description: ReasonText = ""


class WebhookOut(Schema):
    """`disabled_at` and `disabled_reason` say since when and why nothing is sent; `failing_since`, that the
    endpoint has not taken anything since then and is tried again. Until `old_secret_until` the secret of
    before the rotation signs as well.
    """

    id: str
    url: str
    events: list[str]
    description: str | None
    created_at: str
    failing_since: str | None
    last_error: str | None
    disabled_at: str | None
    disabled_reason: str | None
    old_secret_until: str | None


class WebhookWithSecretOut(WebhookOut):
    """With the signing secret, which is shown this once. (Not there in a repeat if it is no longer known.)"""

    secret: str | None = None


class WebhookPage(Schema):
    items: list[WebhookOut]
    next_cursor: str | None


class DeliveryOut(Schema):
    """`id` is the `webhook-id` of the message. `http_status` and `reason` are those of the last attempt."""

    id: str
    type: str
    package_id: str | None
    status: str
    attempts: int
    created_at: str
    sent_at: str | None
    next_attempt_at: str | None
    http_status: int | None
    reason: str | None


class DeliveryPage(Schema):
    items: list[DeliveryOut]
    next_cursor: str | None
