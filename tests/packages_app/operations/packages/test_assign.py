"""A courier brings a package: it gets a door, or a clear refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from common.clock import add_local_days
from lockers.models import Compartment, Location
from notifications.models import Notification
from packages_app.core.actor import Actor
from packages_app.errors import DuplicateTrackingNumber, LocationFull, LocationSuspended, UnknownLocation
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package, Recipient
from packages_app.operations import assign
from packages_app.payloads.results import Assigned
from packages_app.secrets import pickup_codes
from tests.packages_app.operations.looking import history, state, told
from tests.world import NOW, actor, code_of, door, make_courier, make_package

pytestmark = pytest.mark.django_db


def bring(by: Actor, location: Location | str, **more: Any) -> Assigned:
    """A small package for this place."""
    values: dict[str, Any] = {
        "location": location if isinstance(location, str) else location.code,
        "tracking_number": "T-1",
        "size": 1,
        "recipient": Recipient(name="Mari", email="mari@example.com", phone="+3725551234", language="et"),
        **more,
    }
    return assign(by=by, now=NOW, **values)


def test_stored_at_once(by: Actor, courier: Courier, location: Location) -> None:
    result = bring(by, location)
    package = Package.objects.get()
    compartment = door(location, "S1")
    assert result.package.pk == package.pk
    assert (result.label, result.locker, result.compartment_size) == ("S1", "A", 1)
    assert result.compartment_id == package.compartment_id == compartment.pk
    assert (package.courier, package.tracking_number, package.status) == (courier, "T-1", Status.STORED)
    assert package.created_at == package.stored_at == NOW
    assert package.expires_at == add_local_days(NOW, 3, location.zone)
    assert package.reserved_until is None
    assert bytes(package.code_mac or b"") in pickup_codes.macs(location.pk, code_of(package))
    assert state(compartment) == ("occupied", "occupied")
    assert history(package) == [
        ("assigned", "", "PENDING", "courier:dpd", ""),
        ("deposited", "PENDING", "STORED", "courier:dpd", ""),
    ]
    assert set(package.events.values_list("compartment", flat=True)) == {compartment.pk}
    assert told(package) == [("stored", "email"), ("stored", "sms")]
    recipient = package.recipient
    assert (recipient.name, recipient.email, recipient.phone, recipient.language) == (
        "Mari",
        "mari@example.com",
        "+3725551234",
        "et",
    )


def test_reserved_first(by: Actor, location: Location) -> None:
    bring(by, location, deposited=False, reserve_for=timedelta(minutes=45))
    package = Package.objects.get()
    assert package.status == Status.PENDING
    assert package.reserved_until == NOW + timedelta(minutes=45)
    assert [package.stored_at, package.expires_at, package.code_mac] == [None, None, None]
    assert state(door(location, "S1")) == ("reserved", "reserved")
    assert history(package) == [("assigned", "", "PENDING", "courier:dpd", "")]
    assert told(package) == []


@pytest.mark.parametrize(
    ("address", "channels"),
    [
        ({"email": "mari@example.com"}, ["email"]),
        ({"phone": "+3725551234"}, ["sms"]),
        ({}, []),
    ],
)
def test_told_by_what_there_is(
    by: Actor, location: Location, address: dict[str, str], channels: list[str]
) -> None:
    result = bring(by, location, recipient=Recipient(name="Mari", **address))
    assert told(result.package) == [("stored", channel) for channel in channels]
    assert set(Notification.objects.values_list("priority", flat=True)) == ({1} if channels else set())


def test_best_fit_goes_up_and_never_down(by: Actor, location: Location) -> None:
    given = [bring(by, location, tracking_number=f"T-{n}").label for n in range(6)]
    assert given == ["S1", "S2", "M1", "M2", "L1", "L2"]
    with pytest.raises(LocationFull):
        bring(by, location, tracking_number="T-7")


def test_a_large_one_never_goes_down(by: Actor, location: Location) -> None:
    assert [bring(by, location, tracking_number=f"T-{n}", size=3).label for n in range(2)] == ["L1", "L2"]
    with pytest.raises(LocationFull):
        bring(by, location, tracking_number="T-9", size=3)
    assert bring(by, location, tracking_number="T-9", size=2).label == "M1"


def test_first_available_takes_the_exact_size_only(by: Actor, location: Location) -> None:
    Location.objects.filter(pk=location.pk).update(strategy="first_available")
    assert [bring(by, location, tracking_number=f"T-{n}").label for n in range(2)] == ["S1", "S2"]
    with pytest.raises(LocationFull):
        bring(by, location, tracking_number="T-3")
    assert bring(by, location, tracking_number="T-3", size=2).label == "M1"


@pytest.mark.parametrize("strategy", ["best_fit", "first_available"])
def test_a_door_within_reach(by: Actor, location: Location, strategy: str) -> None:
    Location.objects.filter(pk=location.pk).update(strategy=strategy)
    Compartment.objects.filter(location=location, label="S2").update(accessible=True)
    assert bring(by, location, accessible=True).label == "S2"
    with pytest.raises(LocationFull) as full:
        bring(by, location, tracking_number="T-2", accessible=True)
    assert full.value.accessible is True
    assert Package.objects.get().accessible


@pytest.mark.parametrize(
    "changes",
    [
        {"occupancy": "reserved"},
        {"occupancy": "occupied"},
        {"occupancy": "unverified"},
        {"out_of_service_at": NOW, "out_of_service_reason": "broken"},
    ],
)
def test_doors_that_are_not_given_out(by: Actor, location: Location, changes: dict[str, Any]) -> None:
    Compartment.objects.filter(location=location, label="S1").update(**changes)
    assert bring(by, location).label == "S2"


def test_full_changes_nothing(by: Actor, location: Location) -> None:
    Compartment.objects.filter(location=location).update(occupancy="unverified")
    with pytest.raises(LocationFull):
        bring(by, location)
    assert not Package.objects.exists()
    assert not Recipient.objects.exists()
    assert not Notification.objects.exists()


def test_an_unknown_location(by: Actor) -> None:
    with pytest.raises(UnknownLocation):
        bring(by, "NOWHERE")
    assert not Recipient.objects.exists()


def test_a_suspended_location(by: Actor, location: Location) -> None:
    location.suspend(reason="flood", now=NOW)
    with pytest.raises(LocationSuspended):
        bring(by, location)
    assert not Recipient.objects.exists()
    location.resume()
    assert bring(by, location).label == "S1"


@pytest.mark.parametrize("status", [Status.PENDING, Status.STORED, Status.EXPIRED, Status.CANCELLED])
def test_a_tracking_number_that_holds_a_door(
    by: Actor, courier: Courier, location: Location, status: Status
) -> None:
    held = make_package(courier, door(location, "M1"), status, tracking_number="T-1")
    with pytest.raises(DuplicateTrackingNumber) as refused:
        bring(by, location)
    assert refused.value.facts == {"package_id": str(held.pk)}
    assert Package.objects.count() == 1
    assert Recipient.objects.count() == 1
    assert state(door(location, "S1")) == ("empty", "available")


@pytest.mark.parametrize(
    ("status", "stored"), [(Status.RETRIEVED, True), (Status.RETURNED, True), (Status.CANCELLED, False)]
)
def test_a_tracking_number_that_comes_again(
    by: Actor, courier: Courier, location: Location, status: Status, stored: bool
) -> None:
    make_package(courier, door(location, "S1"), status, tracking_number="T-1", stored=stored)
    assert bring(by, location).label == "S1"


def test_another_courier_s_tracking_number_is_another_package(by: Actor, location: Location) -> None:
    bring(by, location)
    assert bring(actor(make_courier("gls")), location).label == "S2"


def test_a_full_location_still_tells_of_a_duplicate(by: Actor, courier: Courier, location: Location) -> None:
    """A courier that repeats itself must find its package, not look for another location."""
    held = make_package(courier, door(location, "S1"), tracking_number="T-1")
    Compartment.objects.filter(location=location).update(occupancy="occupied")
    with pytest.raises(DuplicateTrackingNumber) as refused:
        bring(by, location)
    assert refused.value.facts == {"package_id": str(held.pk)}


def test_a_code_that_another_package_has_becomes_another_one(
    by: Actor, courier: Courier, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One secret: the unique constraint refuses, and the next run has another id and so another code."""
    real, taken, asked = pickup_codes.compute, code_of(make_package(courier, door(location, "M1"))), []

    def collide_once(package_id: Any, version: int, secret_id: int, length: int) -> str:
        asked.append(package_id)
        return taken if len(asked) == 1 else real(package_id, version, secret_id)

    monkeypatch.setattr(pickup_codes, "compute", collide_once)
    bring(by, location)
    package = Package.objects.get(tracking_number="T-1")
    assert len(asked) == 2
    assert asked[0] != asked[1] == package.pk
    assert Recipient.objects.count() == 2


def test_while_secrets_rotate_a_code_taken_under_the_old_one_is_not_given_again(
    by: Actor, courier: Courier, location: Location, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same digits under two secrets have two MACs: only a look at both keeps them apart."""
    held = make_package(courier, door(location, "M1"))
    taken = code_of(held)
    settings.PICKUP_CODE_SECRETS = {**settings.PICKUP_CODE_SECRETS, 2: b"the-second-secret-0123456789-abcdef"}
    real = pickup_codes.compute

    def collide_at_first(package_id: Any, version: int, secret_id: int, length: int = 8) -> str:
        if package_id != held.pk and version == 1:
            return taken
        return real(package_id, version, secret_id)

    monkeypatch.setattr(pickup_codes, "compute", collide_at_first)
    bring(by, location)
    package = Package.objects.get(tracking_number="T-1")
    assert (package.code_version, package.code_secret) == (2, 2)
    assert code_of(package) != taken
