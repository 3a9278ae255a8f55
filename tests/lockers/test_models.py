"""The constraints of the database, and the methods of the models."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from lockers.models import Compartment, Kiosk, Location, Locker, Membership, Size
from tests.world import door, make_kiosk, make_location

pytestmark = pytest.mark.django_db


def refused(constraint: str, write: Any) -> None:
    """Check that `write` violates this constraint of the database."""
    with pytest.raises(IntegrityError, match=f'"{constraint}"'), transaction.atomic():
        write()


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("location_hold_days", {"hold_days": 0}),
        ("location_hold_days", {"hold_days": 31, "max_hold_days": 60}),
        ("location_max_hold_days", {"hold_days": 5, "max_hold_days": 4}),
        ("location_max_hold_days", {"max_hold_days": 61}),
        ("location_coordinates", {"latitude": 59.4}),
        ("location_coordinates", {"longitude": 24.7}),
        ("location_coordinates", {"latitude": 90.1, "longitude": 0}),
        ("location_coordinates", {"latitude": 0, "longitude": -180.1}),
        ("location_coordinates", {"latitude": float("nan"), "longitude": 0}),
        ("location_coordinates", {"latitude": 0, "longitude": float("inf")}),
        ("location_suspended_pair", {"suspended_reason": "storm"}),
        ("location_suspended_pair", {"suspended_at": timezone.now()}),
        ("location_strategy", {"strategy": "worst_fit"}),
    ],
)
def test_location(constraint: str, values: dict[str, Any]) -> None:
    location = make_location()
    refused(constraint, lambda: Location.objects.filter(pk=location.pk).update(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"hold_days": 1},
        {"hold_days": 30, "max_hold_days": 30},
        {"latitude": -90, "longitude": 180},
        {"latitude": None, "longitude": None},
        {"suspended_at": timezone.now(), "suspended_reason": "storm"},
    ],
)
def test_location_at_its_limits(values: dict[str, Any]) -> None:
    location = make_location()
    assert Location.objects.filter(pk=location.pk).update(**values) == 1


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("compartment_size", {"size": 0}),
        ("compartment_size", {"size": max(Size) + 1}),
        ("compartment_occupancy", {"occupancy": "full"}),
        ("compartment_out_of_service_pair", {"out_of_service_at": timezone.now()}),
        ("compartment_out_of_service_pair", {"out_of_service_reason": "stuck"}),
        ("compartment_label_once", {"label": "S2"}),
        ("compartment_position_once", {"position": 1002}),
        ("compartment_place_once", {"column": 1, "row": 2}),
    ],
)
def test_compartment(constraint: str, values: dict[str, Any]) -> None:
    location = make_location()
    refused(constraint, lambda: location.compartments.filter(label="S1").update(**values))


def test_names_are_used_once_at_a_location_and_again_at_another() -> None:
    here, there = make_location("HERE"), make_location("THERE")
    make_kiosk(here)
    make_kiosk(there)
    refused("kiosk_name_once", lambda: make_kiosk(here))
    refused("locker_name_once", lambda: Locker.objects.create(location=here, name="A"))
    user = User.objects.create_user("mari")
    Membership.objects.create(user=user, location=here)
    refused("membership_once", lambda: Membership.objects.create(user=user, location=here))


def test_code_is_used_once() -> None:
    make_location("HERE")
    with pytest.raises(IntegrityError, match="code"), transaction.atomic():
        Location.objects.create(code="HERE", name="again", country="EE")


@pytest.mark.parametrize("code", ["", " A", "A B", "-A", "A/B", "Ä-1", "A\n", "A\0", "x" * 41])
def test_bad_codes(code: str) -> None:
    with pytest.raises(ValidationError):
        Location(code=code, name="x", country="EE").clean_fields()


@pytest.mark.parametrize("zone", ["", "Europe/Atlantis", "+03:00", "../../etc/passwd", "EET\0"])
def test_bad_time_zones(zone: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Location(code="A", name="x", country="EE", time_zone=zone).clean_fields()
    assert set(refusal.value.message_dict) == {"time_zone"}


def test_a_location_with_compartments_is_not_deleted() -> None:
    location = make_location()
    for row in (location, location.lockers.get()):
        with pytest.raises(ProtectedError):
            row.delete()


def test_a_compartment_with_history_is_not_deleted() -> None:
    s1 = door(make_location(), "S1")
    s1.mark_unverified(by="test", reason="cancelled")
    with pytest.raises(ProtectedError):
        s1.delete()


@pytest.mark.parametrize(
    ("occupancy", "shown"),
    [
        ("empty", "available"),
        ("reserved", "reserved"),
        ("occupied", "occupied"),
        ("unverified", "unverified"),
    ],
)
def test_status(occupancy: str, shown: str) -> None:
    assert Compartment(occupancy=occupancy).status == shown
    broken = Compartment(occupancy=occupancy, out_of_service_at=timezone.now())
    assert broken.status == "out_of_service"


def test_suspend_and_resume() -> None:
    location = make_location()
    first = timezone.now()
    location.suspend(reason=" storm ", now=first)
    location.suspend(reason="", now=timezone.now())
    location.refresh_from_db()
    assert (location.suspended_at, location.suspended_reason) == (first, "suspended")
    location.resume()
    location.refresh_from_db()
    assert (location.suspended_at, location.suspended_reason) == (None, "")


def test_for_user() -> None:
    mine, other = make_location("MINE"), make_location("OTHER")
    manager, staff = User.objects.create_user("mari"), User.objects.create_user("anna", is_staff=True)
    Membership.objects.create(user=manager, location=mine)
    assert list(Location.objects.for_user(manager)) == [mine]
    assert list(Location.objects.for_user(staff)) == [mine, other]
    assert {row.location_id for row in Compartment.objects.for_user(manager)} == {mine.pk}
    assert Compartment.objects.for_user(staff).count() == 12


@pytest.mark.parametrize("model", [Location, Locker, Compartment, Kiosk, Membership])
def test_every_row_can_be_read(model: type[models.Model]) -> None:
    location = make_location("TLL-1")
    make_kiosk(location)
    Membership.objects.create(user=User.objects.create_user("mari"), location=location)
    row = model._default_manager.first()
    assert str(row) in {"TLL-1 Place TLL-1", "TLL-1 A", "A-S1", "TLL-1 screen", "mari at TLL-1 Place TLL-1"}
