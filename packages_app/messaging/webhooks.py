"""What is posted to an endpoint: the same bytes at each try, and what was true at the event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from lockers.models import Compartment
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.life.package_fields import IN_WEBHOOKS, MOMENTS
from packages_app.models import Package, Webhook
from packages_app.payloads import package_json
from packages_app.secrets import webhook_secrets


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the message, or the reason why there is none, for each notification to a webhook."""
    endpoints = _endpoints(notifications)
    packages = _packages(notifications)
    doors = _doors(notifications)
    now = timezone.now()
    composed: dict[int, Message | Suppressed] = {}
    for row in notifications:
        webhook = endpoints.get(row.destination_id)
        if webhook is None:
            composed[row.pk] = Suppressed("the endpoint was deleted")
        elif not webhook.courier.works:
            composed[row.pk] = Suppressed("the courier is inactive")
        else:
            data = {**_package_data(row, packages, doors), **row.context.get("data", {})}
            composed[row.pk] = _message(row, webhook, data, now)
    return composed


def _message(row: Notification, webhook: Webhook, data: package_json.Json, now: datetime) -> Message:
    at = datetime.fromisoformat(row.context["at"])
    content: package_json.Json = {"type": row.kind, "timestamp": package_json.moment(at), "data": data}
    if webhook.courier.is_twin:
        content["test"] = True
    keys = [
        webhook_secrets.key(webhook.pk, version, secret_id)
        for secret_id, version in webhook.versions(now=now)
        if secret_id == webhook.secret_id or webhook_secrets.computable(secret_id)
    ]
    body = json.dumps(content, separators=(",", ":")).encode()
    return Message(to=webhook.url, language="en", context={"body": body, "keys": keys})


def _package_data(
    row: Notification, packages: dict[UUID, Package], doors: dict[int, Compartment]
) -> package_json.Json:
    then = row.context.get("package")
    if then is None:
        return {}
    package = packages[UUID(then["id"])]
    # What may change is told as it was at the event, not as the row says now.
    for name in ("status", "size"):
        setattr(package, name, then[name])
    for name in MOMENTS:
        setattr(package, name, datetime.fromisoformat(then[name]) if then.get(name) else None)
    package.collected_by_delegate = then.get("collected_by_delegate", False)
    door = doors.get(then["compartment_id"])
    compartment = package_json.door(door.pk, door.locker.name, door.label, door.size) if door else None
    body = package_json.package(package, location=package.location.code, compartment=compartment, code=False)
    event = {"event": row.context["event"]} if row.context.get("event") else {}
    return {**{name: value for name, value in body.items() if name in IN_WEBHOOKS}, **event}


def _endpoints(rows: Sequence[Notification]) -> dict[str, Webhook]:
    found = Webhook.objects.select_related("courier__twin_of")
    ids = {row.destination_id for row in rows}
    return {webhook.destination_id: webhook for webhook in found.filter(destination__in=ids)}


def _packages(rows: Sequence[Notification]) -> dict[UUID, Package]:
    ids = {UUID(row.context["package"]["id"]) for row in rows if "package" in row.context}
    return dict[UUID, Package](Package.objects.select_related("location").in_bulk(list(ids)))


def _doors(rows: Sequence[Notification]) -> dict[int, Compartment]:
    facts: list[dict[str, Any]] = [row.context["package"] for row in rows if "package" in row.context]
    ids = {then["compartment_id"] for then in facts if then["compartment_id"] is not None}
    return dict[int, Compartment](Compartment.objects.select_related("locker").in_bulk(list(ids)))
