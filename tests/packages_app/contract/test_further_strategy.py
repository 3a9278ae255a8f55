"""A further allocation strategy is one function, for drop-offs, reservations, moves and the queue alike."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import OuterRef

from lockers import allocation
from lockers.models import CompartmentQuerySet, Location
from packages_app import operations
from tests.packages_app.contract.answers import refused
from tests.world import NOW, Api, make_location, parcel

pytestmark = pytest.mark.django_db


def largest_first(compartments: CompartmentQuerySet, size: int | OuterRef) -> CompartmentQuerySet:
    """The largest compartment that fits, the one farthest back in the order."""
    return compartments.filter(size__gte=size).order_by("-size", "-position")


@pytest.fixture
def location(monkeypatch: pytest.MonkeyPatch) -> Location:
    """A location that gives out compartments by the new strategy."""
    monkeypatch.setitem(allocation.STRATEGIES, "largest_first", largest_first)
    with connection.cursor() as cursor:  # what the migration for the new choice would do
        cursor.execute("ALTER TABLE lockers_location DROP CONSTRAINT location_strategy")
    return make_location(small=1, medium=1, large=2, strategy="largest_first")


def label(answer: Any) -> str:
    return str(answer.json()["compartment"]["label"])


def test_drop_offs_follow_it(api: Api, location: Location) -> None:
    given = [label(api.post("/lockers/assign", parcel(location, f"T-{turn}"))) for turn in range(4)]
    assert given == ["L2", "L1", "M1", "S1"]
    refused(api.post("/lockers/assign", parcel(location, "T-5")), 409, "location_full")


def test_reservations_follow_it(api: Api, location: Location) -> None:
    assert label(api.post("/lockers/assign", parcel(location, deposited=False))) == "L2"


def test_reassigning_follows_it(api: Api, location: Location) -> None:
    package: Any = api.post("/lockers/assign", parcel(location, deposited=False)).json()
    moved = api.post(f"/packages/{package['id']}/reassign", {"reason": "door_stuck"})
    assert label(moved) == "L1"


def test_the_queue_follows_it(api: Api, location: Location) -> None:
    location.compartments.update(occupancy="unverified")
    waiting: Any = api.post("/lockers/assign", parcel(location, queue=True)).json()
    location.compartments.update(occupancy="empty")
    operations.grant_due(now=NOW)
    granted: Any = api.get(f"/queue/{waiting['id']}").json()
    assert label(api.get(f"/packages/{granted['package_id']}")) == "L2"
