"""The manager's pages: the forms of a compartment."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lockers.models import Compartment
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.models import Package
from tests.packages_app.pages.place import Place, assert_no_code, messages_of, snapshot
from tests.world import make_package

pytestmark = pytest.mark.django_db

Status = Package.Status


def test_door_goes_out_of_service_and_back(manager: Client, mine: Place) -> None:
    url, data = mine.actions()["take_out"]
    response = manager.post(url, data, follow=True)
    assert "is out of service" in messages_of(response)
    assert str(mine.free.status) == "out_of_service"
    manager.post(mine.actions()["put_back"][0], follow=True)
    assert str(mine.free.status) == "available"
    lines = list(mine.free.events.order_by("id").values_list("kind", "by", "reason"))
    assert lines == [("taken_out", "manager:mary", "hinge"), ("put_back", "manager:mary", "")]


def test_door_form_sent_twice_has_one_effect(manager: Client, mine: Place) -> None:
    for _ in range(2):
        manager.post(*mine.actions()["take_out"])
    for _ in range(2):
        manager.post(*mine.actions()["put_back"])
    assert mine.free.events.count() == 2


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "a\x00b"])
def test_door_needs_a_reason_to_go_out(reason: str, manager: Client, mine: Place) -> None:
    before = snapshot()
    response = manager.post(mine.actions()["take_out"][0], {"reason": reason}, follow=True)
    assert "Nothing was changed" in messages_of(response)
    assert snapshot() == before


def test_unverified_door_is_confirmed_as_empty_once(manager: Client, mine: Place) -> None:
    Compartment.objects.filter(pk=mine.free.pk).update(occupancy="unverified")
    assert "Mark as empty" in manager.get(mine.pages()["door"]).content.decode()
    for _ in range(2):
        manager.post(*mine.actions()["confirm_empty"])
    assert mine.free.status == Compartment.Status.AVAILABLE
    assert mine.free.events.count() == 1


@pytest.fixture
def maybe(mine: Place) -> Package:
    """A reservation that lapsed: its package may be in the compartment."""
    package = make_package(mine.stored.courier, mine.free, Status.PENDING, reserved_until=timezone.now())
    package.events.create(event="assigned", to_status="PENDING", by="courier:x", compartment=mine.free)
    operations.lapse_due(now=timezone.now())
    return package


@pytest.mark.parametrize(("outcome", "status"), [("stays", "STORED"), ("taken_out", "RETURNED")])
def test_parcel_found_in_an_unverified_door(
    outcome: str, status: str, manager: Client, mine: Place, maybe: Package
) -> None:
    text = manager.get(mine.pages()["door"]).content.decode()
    assert maybe.tracking_number in text
    assert "Mark as taken out" in text
    url = reverse("manage:parcel_found", args=[mine.free.pk])
    for _ in range(2):  # sent twice, done once
        page = manager.post(url, {"outcome": outcome}, follow=True).content.decode()
    assert "Nothing was changed" in page
    maybe.refresh_from_db()
    assert maybe.status == status
    assert maybe.events.count() == 3
    assert mine.free.status == ("occupied" if outcome == "stays" else "available")


def test_what_was_called_off_is_only_taken_out(manager: Client, mine: Place) -> None:
    package = make_package(mine.stored.courier, mine.free, Status.PENDING)
    package.events.create(event="assigned", to_status="PENDING", by="courier:x", compartment=mine.free)
    by = Actor(name="courier:x", courier_id=package.courier_id)
    operations.cancel(package_id=package.pk, by=by, now=timezone.now())
    text = manager.get(mine.pages()["door"]).content.decode()
    assert "Leave it in" not in text
    url = reverse("manage:parcel_found", args=[mine.free.pk])
    manager.post(url, {"outcome": "stays"})
    package.refresh_from_db()
    assert package.status == Status.CANCELLED
    manager.post(url, {"outcome": "taken_out"})
    package.refresh_from_db()
    assert package.status == Status.RETURNED


@pytest.mark.parametrize("outcome", ["", "lost"])
def test_parcel_found_wants_to_know_what_became_of_it(
    outcome: str, manager: Client, mine: Place, maybe: Package
) -> None:
    manager.post(reverse("manage:parcel_found", args=[mine.free.pk]), {"outcome": outcome})
    maybe.refresh_from_db()
    assert maybe.status == Status.CANCELLED


def test_door_with_a_package_cannot_be_confirmed_as_empty(manager: Client, mine: Place) -> None:
    before = snapshot()
    url = reverse("manage:confirm_empty", args=[mine.stored.compartment_id])
    response = manager.post(url, follow=True)
    assert "Nothing was changed" in messages_of(response)
    assert snapshot() == before


def test_door_page_shows_its_package_and_no_code(manager: Client, mine: Place) -> None:
    text = manager.get(reverse("manage:door", args=[mine.stored.compartment_id])).content.decode()
    assert mine.stored.tracking_number in text
    assert "DPD" in text
    assert "Stored" in text
    assert_no_code(text, mine.stored)
