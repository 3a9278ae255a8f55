"""The page of a location's compartments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from lockers import cabinets
from lockers.models import Compartment, Location, Membership
from tests.world import door, make_location

pytestmark = pytest.mark.django_db


@pytest.fixture
def location() -> Location:
    return make_location("TLL-1", small=3, medium=2, large=1)


def test_compartments_are_in_their_physical_order(location: Location) -> None:
    (cabinet,) = cabinets.cabinets_of(location)
    labels = [[each.label for each in column] for column in cabinet.columns]
    assert cabinet.name == "A"
    assert labels == [["S1", "S2", "S3"], ["M1", "M2"], ["L1"]]


def test_statuses_are_counted(location: Location) -> None:
    doors = Compartment.objects.filter(location=location)
    doors.filter(label="S1").update(occupancy="occupied")
    doors.filter(label="S2").update(occupancy="unverified")
    doors.filter(label__in=["M1", "M2"]).update(
        out_of_service_at=datetime(2026, 11, 20, tzinfo=UTC), out_of_service_reason="hinge"
    )
    counts = {state.status: state.count for state in cabinets.status_counts([location.pk])[location.pk]}
    assert counts == {"available": 2, "reserved": 0, "occupied": 1, "out_of_service": 2, "unverified": 1}


def test_location_without_compartments_has_none_in_any_status() -> None:
    place = make_location("EMPTY", small=0, medium=0, large=0)
    assert cabinets.cabinets_of(place) == []
    assert {state.count for state in cabinets.status_counts([place.pk])[place.pk]} == {0}


def test_status_is_a_word_and_not_only_a_color(client: Client, location: Location) -> None:
    user = User.objects.create_user("mary")
    Membership.objects.create(user=user, location=location)
    Compartment.objects.filter(location=location, label="S1").update(
        occupancy="occupied",
        out_of_service_at=datetime(2026, 11, 20, tzinfo=UTC),
        out_of_service_reason="hinge",
    )
    client.force_login(user)
    text = " ".join(client.get(reverse("manage:location", args=[location.code])).content.decode().split())
    assert f'href="{reverse("manage:door", args=[door(location, "S1").pk])}"' in text
    assert "<b>S1</b> <span> Out, full </span>" in text
    assert "<b>S2</b> <span> Available </span>" in text
