"""Who is answered what by the API. A new call needs a row here; a test says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from notifications.models import Notification
from notifications.webhooks.channel import message_id
from packages_app.life.lifecycle import Event, Status
from packages_app.models import Package, QueueEntry
from packages_app.rules import reservations
from tests.access.table import Case, read
from tests.access.world import World
from tests.world import code_of, make_delegate, make_recipient, make_webhook, parcel

# Courier A owns the package, which lies at the location of kiosk 1; B and kiosk 2 are strangers to it.
# `scopeless` is a key of A without the scope `packages`.
ACTORS, ROWS = read(
    """
call                                          nobody revoked expired scopeless A    B    kiosk_1 kiosk_2
GET  /                                        404    404     404     404       404  404  404     404
GET  /openapi.json                            200    200     200     200       200  200  200     200
GET  /docs                                    200    200     200     200       200  200  200     200
GET  /docs/problems                           200    200     200     200       200  200  200     200

GET  /locations                               401    401     401     403       200  200  200     200
GET  /locations/{code}                        401    401     401     403       200  200  200     404
GET  /lockers/status                          401    401     401     403       200  200  200     200
GET  /lockers/status?location={location}      401    401     401     403       200  200  200     404

POST /lockers/assign                          401    401     401     403       201  201  403     403
POST /packages/{package_id}/deposit           401    401     401     403       200  404  403     403
POST /packages/{package_id}/open              401    401     401     403       200  404  200     404
POST /packages/{package_id}/found             401    401     401     403       200  404  403     403
POST /packages/{package_id}/reassign          401    401     401     403       200  404  403     403
POST /packages/{package_id}/cancel            401    401     401     403       200  404  403     403
POST /packages/{package_id}/extend            401    401     401     403       200  404  403     403
POST /packages/{package_id}/return            401    401     401     403       200  404  403     403
POST /packages/{package_id}/resend-code       401    401     401     403       202  404  403     403
POST /packages/{package_id}/hold              401    401     401     403       200  404  403     403
POST /packages/{package_id}/release           401    401     401     403       200  404  403     403
POST /packages/{package_id}/delegate          401    401     401     403       201  404  403     403
DELETE /packages/{package_id}/delegate        401    401     401     403       200  404  403     403
POST /packages/{package_id}/delegate/resend-code 401 401     401     403       202  404  403     403

GET  /packages                                401    401     401     403       200  200  403     403
GET  /packages/{package_id}                   401    401     401     403       200  404  403     403
GET  /packages/{package_id}/events            401    401     401     403       200  404  403     403
GET  /packages/{package_id}/notifications     401    401     401     403       200  404  403     403
GET  /queue                                   401    401     401     403       200  200  403     403
GET  /queue/{entry_id}                        401    401     401     403       200  404  403     403
POST /queue/{entry_id}/leave                  401    401     401     403       200  404  403     403
GET  /returns                                 401    401     401     403       200  200  403     403
POST /compartments/{compartment_id}/faults    401    401     401     403       201  201  201     404

POST /pickup                                  401    401     401     403       403  403  200     404
POST /pickup/{code}                           401    401     401     403       403  403  200     404
POST /pickup/{package_id}/door-failed         401    401     401     403       403  403  200     404
POST /kiosk/heartbeat                         401    401     401     403       403  403  204     204

GET  /webhooks                                401    401     401     403       200  200  403     403
POST /webhooks                                401    401     401     403       201  201  403     403
GET  /webhooks/{webhook_id}                   401    401     401     403       200  404  403     403
DELETE /webhooks/{webhook_id}                 401    401     401     403       204  404  403     403
POST /webhooks/{webhook_id}/test              401    401     401     403       200  404  403     403
POST /webhooks/{webhook_id}/enable            401    401     401     403       200  404  403     403
POST /webhooks/{webhook_id}/rotate-secret     401    401     401     403       200  404  403     403
GET  /webhooks/{webhook_id}/deliveries        401    401     401     403       200  404  403     403
POST /webhooks/{webhook_id}/deliveries/{delivery_id}/resend 401 401 401 403   200  404  403     403
"""
)


def _code(world: World, package: Package) -> dict[str, str]:
    return {"code": code_of(package)}


def _delegated(world: World, package: Package) -> dict[str, str]:
    """Somebody else may collect it."""
    make_delegate(package)
    return {}


def _lapsed(world: World, package: Package) -> dict[str, str]:
    """Its reservation ends unconfirmed, and its door is unverified."""
    now = package.created_at
    package.events.create(
        event=Event.ASSIGNED, to_status=Status.PENDING, by="x", compartment=package.compartment
    )
    package.move_to(
        Status.CANCELLED,
        event=Event.LAPSED,
        by="system",
        cancelled_at=now,
        released_at=now,
        reserved_until=None,
    )
    reservations.give_up(package, by="system", reason="deposit never confirmed")
    return {}


def _waiting(world: World, package: Package) -> dict[str, Any]:
    entry = QueueEntry.objects.create(
        courier=world.a,
        tracking_number="Q-1",
        location=world.here,
        recipient=make_recipient(),
        size=1,
        reserve_minutes=15,
        expires_at=package.created_at + timedelta(days=1),
    )
    return {"entry_id": entry.pk}


def _webhook(world: World, package: Package) -> dict[str, Any]:
    webhook = make_webhook(world.a)
    sent = Notification.objects.create(
        kind="package.stored",
        channel="webhook",
        subject=webhook.destination_id,
        dedup_key=f"{webhook.destination_id}:event:1",
        status="dead",
        reason="HTTP 500",
    )
    return {"webhook_id": webhook.pk, "delivery_id": message_id(sent)}


_OF_WEBHOOK = Case(ids=_webhook)
CASES = {
    "POST /webhooks": Case(body={"url": "https://hooks.example.com/lockers"}),
    "GET /webhooks/{webhook_id}": _OF_WEBHOOK,
    "DELETE /webhooks/{webhook_id}": _OF_WEBHOOK,
    "POST /webhooks/{webhook_id}/test": _OF_WEBHOOK,
    "POST /webhooks/{webhook_id}/enable": _OF_WEBHOOK,
    "POST /webhooks/{webhook_id}/rotate-secret": _OF_WEBHOOK,
    "GET /webhooks/{webhook_id}/deliveries": _OF_WEBHOOK,
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/resend": _OF_WEBHOOK,
    "GET /queue/{entry_id}": Case(ids=_waiting),
    "POST /queue/{entry_id}/leave": Case(ids=_waiting),
    "GET /locations/{code}": Case(ids=lambda world, package: {"code": world.here.code}),
    "POST /lockers/assign": Case(body=lambda world, ids: parcel(world.here)),
    "POST /packages/{package_id}/deposit": Case(status=Status.PENDING),
    "POST /packages/{package_id}/open": Case(status=Status.PENDING),
    "POST /packages/{package_id}/found": Case(body={"outcome": "stays"}, status=Status.PENDING, ids=_lapsed),
    "POST /packages/{package_id}/reassign": Case(body={"reason": "too_small"}),
    "POST /packages/{package_id}/extend": Case(body={"hours": 1}),
    "POST /packages/{package_id}/delegate": Case(body={"name": "Juhan", "phone": "+3725559876"}),
    "POST /packages/{package_id}/delegate/resend-code": Case(ids=_delegated),
    "POST /packages/{package_id}/return": Case(status=Status.EXPIRED),
    "POST /compartments/{compartment_id}/faults": Case(body={"kind": "dirty"}),
    "POST /pickup": Case(body=lambda world, ids: {"code": ids["code"]}, ids=_code),
    "POST /pickup/{code}": Case(ids=_code),
    "POST /pickup/{package_id}/door-failed": Case(status=Status.RETRIEVED),
    "POST /kiosk/heartbeat": Case(body={"software_version": "1.0"}),
}
