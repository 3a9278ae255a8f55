"""What the database itself refuses, whatever the code above it does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from lockers.models import Compartment, Size
from packages_app.life.lifecycle import Status
from packages_app.models import ApiKey, IdempotencyKey, Package, PackageEvent, WrongCodeTally
from packages_app.secrets import pickup_codes
from tests.world import (
    NOW,
    UNTIL,
    door,
    make_courier,
    make_kiosk,
    make_location,
    make_package,
    make_recipient,
)

pytestmark = pytest.mark.django_db

MAC = b"m" * 32
P, S, R, E, C, B = (
    Status(name) for name in ("PENDING", "STORED", "RETRIEVED", "EXPIRED", "CANCELLED", "RETURNED")
)
BROKEN: list[tuple[str, Status, dict[str, Any]]] = [
    ("package_size", S, {"size": max(Size) + 1}),
    ("package_size", S, {"size": 0}),
    ("package_pending_pair", P, {"reserved_until": None}),
    ("package_pending_pair", S, {"reserved_until": NOW}),
    ("package_stored_pair", P, {"stored_at": NOW}),
    ("package_stored_pair", P, {"stored_at": NOW, "expires_at": UNTIL}),
    ("package_stored_pair", S, {"stored_at": None}),
    ("package_stored_pair", S, {"expires_at": None}),
    ("package_stored_pair", S, {"stored_at": None, "expires_at": None}),
    ("package_stored_pair", B, {"stored_at": None, "expires_at": None}),
    ("package_retrieved_pair", R, {"retrieved_at": None}),
    ("package_retrieved_pair", S, {"retrieved_at": NOW}),
    ("package_cancelled_pair", C, {"cancelled_at": None}),
    ("package_cancelled_pair", S, {"cancelled_at": NOW}),
    ("package_returned_pair", B, {"returned_at": None}),
    ("package_returned_pair", C, {"returned_at": NOW}),
    ("package_holds_door", P, {"released_at": NOW}),
    ("package_holds_door", S, {"released_at": NOW}),
    ("package_holds_door", E, {"released_at": NOW}),
    ("package_holds_door", R, {"released_at": None}),
    ("package_holds_door", B, {"released_at": None}),
    ("package_held_pair", S, {"held_expires_at": UNTIL}),
    *(("package_held_pair", ended, {"held_at": NOW}) for ended in (R, C, B)),
    *(("package_delegate_collected", open_, {"collected_by_delegate": True}) for open_ in (P, S, E, C, B)),
    ("package_code_pair", S, {"code_mac": None}),
    ("package_code_pair", E, {"code_mac": None}),
    ("package_code_pair", P, {"code_mac": MAC}),
    ("package_code_pair", R, {"code_mac": MAC}),
    ("package_code_pair", C, {"code_mac": MAC}),
    ("package_code_pair", B, {"code_mac": MAC}),
]


def refused_by(error: pytest.ExceptionInfo[DatabaseError]) -> str | None:
    """The name of the constraint that refused."""
    cause: Any = error.value.__cause__
    name: str | None = cause.diag.constraint_name
    return name


@pytest.mark.parametrize(("name", "status", "changes"), BROKEN)
def test_a_package_of_two_minds_is_refused(name: str, status: Status, changes: dict[str, Any]) -> None:
    package = make_package(make_courier(), door(make_location(small=1), "S1"), status)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Package.objects.filter(pk=package.pk).update(**changes)
    assert refused_by(error) == name


@pytest.mark.parametrize("status", ["LOST", "", "stored"])
def test_a_status_that_there_is_not_is_refused(status: str) -> None:
    package = make_package(make_courier(), door(make_location(small=1), "S1"), C, stored=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Package.objects.filter(pk=package.pk).update(status=status, cancelled_at=None)


@pytest.mark.parametrize("status", list(Status))
def test_every_status_can_be_written_as_it_should_be(status: Status) -> None:
    package = make_package(make_courier(), door(make_location(small=1), "S1"), status)
    assert Package.objects.get(pk=package.pk).status == status


@pytest.mark.parametrize("first", [P, S, E, C])
def test_a_compartment_holds_one_package(first: Status) -> None:
    compartment = door(make_location(small=1), "S1")
    make_package(make_courier(), compartment, first)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        make_package(make_courier("gls"), compartment, P)
    assert refused_by(error) == "package_one_per_compartment"


def test_a_compartment_whose_packages_are_gone_takes_another() -> None:
    compartment = door(make_location(small=1), "S1")
    courier = make_courier()
    for status in (R, B):
        make_package(courier, compartment, status)
    make_package(courier, compartment, C, stored=False)
    assert make_package(courier, compartment, S).holds_door


@pytest.mark.parametrize("other", [P, S, E, C])
def test_a_tracking_number_holds_one_door(other: Status) -> None:
    location, courier = make_location(), make_courier()
    make_package(courier, door(location, "S1"), S, tracking_number="T-1")
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        make_package(courier, door(location, "S2"), other, tracking_number="T-1")
    assert refused_by(error) == "package_tracking_number_once"
    assert make_package(make_courier("gls"), door(location, "S2"), other, tracking_number="T-1")


def test_a_code_opens_one_door_at_a_location_and_another_elsewhere() -> None:
    location, courier = make_location(), make_courier()
    make_package(courier, door(location, "S1"), S, code_mac=MAC)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        make_package(courier, door(location, "S2"), S, code_mac=MAC)
    assert refused_by(error) == "package_code_once"
    assert make_package(courier, door(make_location("RIX-1"), "S1"), S, code_mac=MAC)


def test_a_package_is_assigned_once() -> None:
    package = make_package(make_courier(), door(make_location(), "S1"))
    values = {"package": package, "event": "assigned", "to_status": "PENDING", "by": "x"}
    PackageEvent.objects.create(**values)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        PackageEvent.objects.create(**values)
    assert refused_by(error) == "packageevent_assigned_once"


def test_a_recipient_row_belongs_to_one_package() -> None:
    location, courier, recipient = make_location(), make_courier(), make_recipient()
    make_package(courier, door(location, "S1"), recipient=recipient)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_package(courier, door(location, "S2"), recipient=recipient)


@pytest.mark.parametrize(
    ("kind", "owners"),
    [
        ("live", ()),
        ("live", ("kiosk",)),
        ("live", ("courier", "kiosk")),
        ("test", ("kiosk",)),
        ("kiosk", ()),
        ("kiosk", ("courier",)),
        ("kiosk", ("courier", "kiosk")),
        ("other", ("courier",)),
    ],
)
def test_a_key_has_the_one_owner_of_its_kind(kind: str, owners: tuple[str, ...]) -> None:
    possible: dict[str, Any] = {"courier": make_courier(), "kiosk": make_kiosk(make_location())}
    owner = {name: possible[name] for name in owners}
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        ApiKey.objects.create(key_id="a" * 8, digest=MAC, kind=kind, expires_at=NOW, **owner)
    assert refused_by(error) == "apikey_has_one_owner"


def test_a_key_id_stands_once() -> None:
    values: dict[str, Any] = {
        "key_id": "a" * 8,
        "digest": MAC,
        "kind": "live",
        "courier": make_courier(),
        "expires_at": NOW + timedelta(days=1),
    }
    ApiKey.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.create(**values)


def test_an_idempotency_key_stands_once_for_a_courier() -> None:
    courier = make_courier()
    IdempotencyKey.objects.create(courier=courier, key="k", fingerprint=MAC)
    with pytest.raises(IntegrityError), transaction.atomic():
        IdempotencyKey.objects.create(courier=courier, key="k", fingerprint=MAC)
    assert IdempotencyKey.objects.create(courier=make_courier("gls"), key="k", fingerprint=MAC)


def test_wrong_codes_are_counted_in_one_row_for_location_and_day() -> None:
    location = make_location()
    WrongCodeTally.objects.create(location=location, day=NOW.date())
    with pytest.raises(IntegrityError), transaction.atomic():
        WrongCodeTally.objects.create(location=location, day=NOW.date())


@pytest.mark.parametrize("table", ["packages_app_packageevent", "lockers_compartmentevent"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET by = 'nobody'", "DELETE FROM {}"])
def test_history_is_append_only(table: str, statement: str) -> None:
    package = make_package(make_courier(), door(make_location(), "S1"))
    package.events.create(event="assigned", to_status="PENDING", by="courier:dpd")
    package.compartment.events.create(kind="taken_out", by="staff:ann", reason="broken")
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))
    assert package.events.get().by == "courier:dpd"
    assert package.compartment.events.get().by == "staff:ann"


def test_history_is_append_only_for_the_orm_too() -> None:
    package = make_package(make_courier(), door(make_location(), "S1"))
    line = package.events.create(event="assigned", to_status="PENDING", by="courier:dpd")
    line.by = "nobody"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        line.save()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        line.delete()


def test_what_a_package_needs_cannot_be_deleted() -> None:
    package = make_package(make_courier(), door(make_location(), "S1"))
    for owner in (package.courier, package.location, package.compartment, package.recipient):
        with pytest.raises(IntegrityError), transaction.atomic():
            type(owner).objects.filter(pk=owner.pk).delete()
    assert Compartment.objects.filter(pk=package.compartment_id).exists()


def test_a_used_code_leaves_nothing_to_compute_the_mac_from() -> None:
    """The row of a package in an end state keeps no HMAC of its code."""
    package = make_package(make_courier(), door(make_location(), "S1"), R)
    assert package.code_mac is None
    digits = pickup_codes.compute(package.pk, package.code_version, package.code_secret)
    held = Package.objects.filter(code_mac__in=pickup_codes.macs(package.location_id, digits))
    assert not held.exists()
