"""Schemas of webhooks and of the deliveries to them."""

from __future__ import annotations

from typing import Annotated

from ninja import Schema
from pydantic import AfterValidator, Field, StringConstraints

from lockers.schemas import CursorOut, MomentOut
from notifications.webhooks import url_guard
from packages_app.api.schemas.fields import PackageId, ReasonText, Strict
from packages_app.models import EventType

ALL_EVENTS: list[str] = list(EventType.values)
DeliveryId = Annotated[str, Field(examples=["msg_20261120105900_4711"])]
DELIVERY_ID = r"\Amsg_\d{14}_(\d{1,18})\Z"


def _url(value: str) -> str:
    url_guard.parse(value)  # raises a ValueError that names what is wrong
    return value


def _event(name: str) -> str:
    if name not in ALL_EVENTS:
        raise ValueError(f"must be one of {', '.join(ALL_EVENTS)}")
    return name


def _each_once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


WebhookUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=url_guard.LONGEST_URL),
    AfterValidator(_url),
    Field(
        description="https, port 443 or 8443, on the public internet",
        examples=["https://hooks.example.com/lockers"],
        json_schema_extra={"format": "https-url"},
    ),
]
EventName = Annotated[str, AfterValidator(_event), Field(json_schema_extra={"enum": ALL_EVENTS})]
EventNames = Annotated[list[EventName], Field(min_length=1, max_length=50), AfterValidator(_each_once)]


class WebhookIn(Strict):
    """An endpoint: https, port 443 or 8443, on the public internet. Without `events`, it gets all of them."""

    url: WebhookUrl
    events: EventNames | None = None
    description: ReasonText = ""


WebhookId = Annotated[str, Field(examples=["0198f4a2-9e11-7c33-8d5e-5a1b7c2d9e40"])]


class WebhookOut(Schema):
    """A webhook.

    `disabled_at` and `disabled_reason` say since when and why nothing is sent. `failing_since` says since
    when the endpoint has accepted nothing; delivery is retried. Until `old_secret_until`, messages are also
    signed with the secret from before the rotation.
    """

    id: WebhookId
    url: Annotated[str, Field(examples=["https://hooks.example.com/lockers"])]
    events: Annotated[list[str], Field(examples=[["package.stored", "package.retrieved"]])]
    description: Annotated[str | None, Field(examples=["our shop"])]
    created_at: MomentOut
    failing_since: Annotated[MomentOut | None, Field(examples=[None])]
    last_error: Annotated[str | None, Field(examples=[None])]
    disabled_at: Annotated[MomentOut | None, Field(examples=[None])]
    disabled_reason: Annotated[str | None, Field(examples=[None])]
    old_secret_until: Annotated[MomentOut | None, Field(examples=[None])]


class WebhookWithSecretOut(WebhookOut):
    """A webhook with its signing secret, which is shown only once.

    A replayed response leaves it out if it is no longer known.
    """

    secret: Annotated[str | None, Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])] = None


class WebhookPage(Schema):
    """A page of webhooks."""

    items: list[WebhookOut]
    next_cursor: CursorOut


class DeliveryOut(Schema):
    """A delivery to a webhook.

    `id` is the `webhook-id` of the message. `http_status` and `reason` are those of the last attempt.
    """

    id: Annotated[str, Field(examples=["msg_20261120105900_4711"])]
    type: Annotated[str, Field(examples=["package.stored"])]
    package_id: PackageId | None
    status: Annotated[str, Field(examples=["sent"])]
    attempts: Annotated[int, Field(examples=[1])]
    created_at: MomentOut
    sent_at: MomentOut | None
    next_attempt_at: Annotated[MomentOut | None, Field(examples=[None])]
    http_status: Annotated[int | None, Field(examples=[204])]
    reason: Annotated[str | None, Field(examples=[None])]


class DeliveryPage(Schema):
    """A page of deliveries."""

    items: list[DeliveryOut]
    next_cursor: CursorOut
