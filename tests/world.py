"""A small network to try things on: a location with doors, couriers, kiosks, packages in any status.

Rows are written as they stand, without operations, so that a test of an operation rests on no other one.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from lockers.models import Compartment, Kiosk, Location, Size
from notifications.models import Destination, Notification
from packages_app import operations
from packages_app.core.actor import SYSTEM, Actor, Caller
from packages_app.keys.checking import verify
from packages_app.life.lifecycle import Status
from packages_app.models import ApiKey, Courier, Delegate, EventType, Package, Recipient, Webhook
from packages_app.secrets import pickup_codes
from tests import factories

# A Friday noon at every place on earth that these tests know.
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(days=3)
HELD = {
    Status.PENDING: Compartment.Occupancy.RESERVED,
    Status.STORED: Compartment.Occupancy.OCCUPIED,
    Status.EXPIRED: Compartment.Occupancy.OCCUPIED,
    Status.CANCELLED: Compartment.Occupancy.OCCUPIED,
}
_numbers = itertools.count(1)


def make_location(
    code: str = "TLL-1", *, small: int = 2, medium: int = 2, large: int = 2, **fields: Any
) -> Location:
    """A location with one locker, a column for each size; compartments are labeled S1, S2, M1 and so on."""
    location: Location = factories.LocationFactory.create(code=code, **fields)
    cabinet = factories.LockerFactory.create(location=location)
    Compartment.objects.bulk_create(
        factories.CompartmentFactory.build(location=location, locker=cabinet, size=size, row=row)
        for size, count in ((Size.SMALL, small), (Size.MEDIUM, medium), (Size.LARGE, large))
        for row in range(1, count + 1)
    )
    return location


def door(location: Location, label: str) -> Compartment:
    """One of its doors, as it stands in the database."""
    return Compartment.objects.select_related("locker").get(location=location, label=label)


def make_courier(code: str = "dpd") -> Courier:
    """A delivery company."""
    courier: Courier = factories.CourierFactory.create(code=code)
    return courier


def make_kiosk(location: Location, name: str = "screen") -> Kiosk:
    """A screen at a location."""
    kiosk: Kiosk = factories.KioskFactory.create(location=location, name=name)
    return kiosk


def make_key(**arguments: Any) -> tuple[ApiKey, str]:
    """A key, made now, and its text. Arguments as of the operation."""
    return operations.create_key(**{"by": SYSTEM, "now": timezone.now(), **arguments})


def revoke_key(key: ApiKey, *, now: datetime) -> None:
    """The key is revoked, in the database and in this row."""
    key.revoked_at = operations.revoke_key(key_pk=key.pk, by=SYSTEM, now=now).revoked_at


def actor(courier: Courier) -> Actor:
    """The courier as operations know it."""
    return Actor(name=f"courier:{courier.code}", courier_id=courier.pk)


def caller(kiosk: Kiosk) -> Caller:
    """The kiosk as the pickup knows it."""
    _, text = make_key(kiosk=kiosk)
    found, why = verify(text, now=NOW)
    assert found is not None, why
    return replace(found, actor=replace(found.actor, until=None))


def make_package(
    courier: Courier,
    compartment: Compartment,
    status: Status = Status.STORED,
    *,
    stored: bool = True,
    **fields: Any,
) -> Package:
    """A package in any status, with all that the status asks for; its door is held where it holds one.

    `stored` says whether a CANCELLED one lay in its door (and lies there still).
    """
    recipient = fields.pop("recipient", None) or make_recipient()
    package = Package(
        courier=courier,
        tracking_number=fields.pop("tracking_number", f"T{next(_numbers)}"),
        location=compartment.location,
        compartment=compartment,
        recipient=recipient,
        size=compartment.size,
        status=status,
        created_at=NOW,
    )
    was_stored = status != Status.PENDING and (status != Status.CANCELLED or stored)
    if status == Status.PENDING:
        package.reserved_until = NOW + timedelta(minutes=30)
    if was_stored:
        package.stored_at, package.expires_at = NOW, UNTIL
    if status in (Status.STORED, Status.EXPIRED):
        give_code(package)
    if status == Status.RETRIEVED:
        package.retrieved_at = package.released_at = NOW
    if status == Status.CANCELLED:
        package.cancelled_at = NOW
        package.released_at = None if stored else NOW
    if status == Status.RETURNED:
        package.returned_at = package.released_at = NOW
    for name, value in fields.items():
        setattr(package, name, value)
    package.save(force_insert=True)
    if package.holds_door:
        Compartment.objects.filter(pk=compartment.pk).update(occupancy=HELD[status])
    return Package.objects.select_related("location", "compartment__locker", "courier", "recipient").get(
        pk=package.pk
    )


def give_code(package: Package) -> None:
    """Sets what the row keeps of a code; does not save."""
    issued = pickup_codes.issue(package.pk, package.location_id)
    package.code_version, package.code_secret, package.code_mac = issued.version, issued.secret_id, issued.mac


def make_recipient(**fields: Any) -> Recipient:
    """Somebody with an e-mail address and a phone."""
    recipient: Recipient = factories.RecipientFactory.create(**fields)
    return recipient


def make_told(package: Package, kind: str = "stored", **fields: Any) -> Notification:
    """An e-mail about it that was sent."""
    return Notification.objects.create(
        kind=kind,
        channel="email",
        subject=f"package:{package.pk}",
        dedup_key=f"told:{package.pk}:{kind}:email",
        **({"status": "sent", "sent_at": NOW} | fields),
    )


def make_webhook(
    courier: Courier,
    url: str = "https://hooks.example.com/lockers",
    *,
    events: list[str] | None = None,
    **state: Any,
) -> Webhook:
    """An endpoint of the courier for all events, or for these; `state` is its destination's."""
    webhook = Webhook(courier=courier, url=url, events=events or EventType.values, secret_id=1)
    webhook.destination = Destination.objects.create(subject=f"webhook:{webhook.pk}", **state)
    webhook.save(force_insert=True)
    return webhook


def make_delegate(package: Package, **fields: Any) -> Delegate:
    """Somebody else who may collect it, with a code."""
    people = {"name": "Juhan Juurikas", "email": "juhan@example.com", "phone": "+3725559876"}
    delegate = Delegate(package=package, location_id=package.location_id, **(people | fields))
    delegate.give_code(version=1)
    delegate.save(force_insert=True)
    return delegate


def delegate_code_of(package: Package) -> str:
    """The nine digits of who else may collect it now."""
    delegate = Package.objects.get(pk=package.pk).delegate
    assert delegate is not None
    return delegate.code


def code_of(package: Package) -> str:
    """The eight digits that open its door now."""
    package = Package.objects.get(pk=package.pk)
    return pickup_codes.compute(package.pk, package.code_version, package.code_secret)


def wrong_code(location: Location, start: int = 31_415_926) -> str:
    """A code that opens nothing at this location."""
    taken = {
        bytes(mac or b"")
        for mac in Package.objects.filter(location=location, code_mac__isnull=False).values_list(
            "code_mac", flat=True
        )
    }
    for number in itertools.count(start):
        digits = f"{number % 10**8:08d}"
        if taken.isdisjoint(pickup_codes.macs(location.pk, digits)):
            return digits
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API, spoken with one key."""

    key: str
    client: Client

    def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        """`key` is the Idempotency-Key; a body of str or bytes goes out as it is."""
        content = body if isinstance(body, str | bytes) else b"" if body is None else json.dumps(body)
        more = {} if key is None else {"Idempotency-Key": key}
        return self.client.post(
            f"/api/v1{path}", content, content_type="application/json", headers=self._headers | more | headers
        )

    def get(self, path: str, **query: Any) -> Any:
        """One read."""
        return self.client.get(f"/api/v1{path}", query, headers=self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def courier_api(courier: Courier, *, codes_read: bool = False) -> Api:
    """The API with a new key of this courier."""
    scopes = [ApiKey.Scope.PACKAGES, *([ApiKey.Scope.CODES_READ] if codes_read else [])]
    _, text = make_key(courier=courier, scopes=[str(scope) for scope in scopes])
    return Api(text, Client(raise_request_exception=False))


def kiosk_api(kiosk: Kiosk) -> Api:
    """The API with a new key of this kiosk."""
    _, text = make_key(kiosk=kiosk)
    return Api(text, Client(raise_request_exception=False))


def parcel(
    location: Location | str, tracking_number: str = "", size: str | None = "SMALL", **more: Any
) -> Any:
    """The body of `POST /lockers/assign`."""
    body = {
        "location": location if isinstance(location, str) else location.code,
        "tracking_number": tracking_number or f"T{next(_numbers)}",
        "recipient": {"name": "Mari Maasikas", "email": "mari@example.com", "phone": "+3725551234"},
        **more,
    }
    return body if size is None else {**body, "size": size}
