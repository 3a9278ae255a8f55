"""The manager's pages: returns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lockers import cabinets, layout
from packages_app.models import Package, QueueEntry
from tests.factories import LocationFactory
from tests.packages_app.pages.place import Place, make_manager, messages_of, signed_in, snapshot
from tests.world import door, make_courier, make_package, make_recipient

pytestmark = pytest.mark.django_db

Status = Package.Status


def test_round_lists_what_waits_oldest_first_or_by_door(manager: Client, mine: Place) -> None:
    older = make_package(
        mine.stored.courier,
        door(mine.location, "M1"),
        Status.CANCELLED,
        cancelled_at=timezone.now() - timedelta(days=9),
    )
    url = mine.pages()["returns"]
    assert list(manager.get(url).context["waiting"]) == [older, mine.expired]
    assert list(manager.get(url, {"order": "door"}).context["waiting"]) == [mine.expired, older]
    assert list(manager.get(url, {"order": "';--"}).context["waiting"]) == [older, mine.expired]


def test_round_along_the_doors_is_the_way_that_they_hang() -> None:
    """In their physical order, not in the order in which they are used."""
    location, courier = LocationFactory.create(code="WALL"), make_courier()
    layout.install([location], layout.lay_out(layout.parse("8/4/2")))
    location.lockers.filter(name="A").update(name="B")
    layout.extend(location, layout.parse("1/0/0"))
    hung = [door for each in cabinets.cabinets_of(location) for column in each.columns for door in column]
    assert (hung[0].locker.name, len(hung)) == ("A", 15)
    assert hung != sorted(hung, key=lambda door: (door.locker.name, door.position))
    for each in hung:
        make_package(courier, each, Status.CANCELLED, cancelled_at=timezone.now())
    found = signed_in(make_manager(location)).get(reverse("manage:returns", args=["WALL"]), {"order": "door"})
    assert [package.compartment for package in found.context["waiting"]] == hung


def test_round_ticks_off_several_and_frees_their_doors(manager: Client, mine: Place) -> None:
    other = make_package(mine.stored.courier, door(mine.location, "M1"), Status.CANCELLED)
    url, _ = mine.actions()["taken_out"]
    response = manager.post(url, {"packages": [str(mine.expired.pk), str(other.pk)]}, follow=True)
    assert "2 packages marked as taken out" in messages_of(response)
    assert not list(response.context["waiting"])
    for package in (mine.expired, other):
        package.refresh_from_db()
        assert package.status == Status.RETURNED
        assert package.events.get(event="returned").by == "manager:mary"
    assert door(mine.location, "M1").status == door(mine.location, "S2").status == "available"


def test_round_sent_twice_has_one_effect(manager: Client, mine: Place) -> None:
    url, data = mine.actions()["taken_out"]
    manager.post(url, data)
    after = snapshot()
    response = manager.post(url, data, follow=True)
    assert "was not marked as taken out" in messages_of(response)
    assert snapshot() == after


def test_one_refusal_in_a_round_stops_no_other(manager: Client, mine: Place) -> None:
    url, _ = mine.actions()["taken_out"]
    response = manager.post(url, {"packages": [str(mine.stored.pk), str(mine.expired.pk)]}, follow=True)
    said = messages_of(response)
    assert "1 package marked as taken out" in said
    assert f"{mine.stored.tracking_number} was not marked as taken out" in said
    mine.stored.refresh_from_db()
    assert mine.stored.status == Status.STORED


def test_round_without_a_tick_says_so(manager: Client, mine: Place) -> None:
    before = snapshot()
    response = manager.post(mine.actions()["taken_out"][0], {}, follow=True)
    assert "Select the packages that you have taken out" in messages_of(response)
    assert snapshot() == before


def test_queue_is_shown_in_its_order_and_counted_on_every_page(manager: Client, mine: Place) -> None:
    assert "No packages are waiting" in manager.get(mine.pages()["queue"]).content.decode()
    assert "waiting for a compartment" not in manager.get(mine.pages()["location"]).content.decode()
    for number in ("FIRST", "SECOND"):
        QueueEntry.objects.create(
            courier=mine.stored.courier,
            tracking_number=number,
            location=mine.location,
            recipient=make_recipient(name="Secret Person"),
            size=1,
            reserve_minutes=15,
            expires_at=timezone.now() + timedelta(hours=1),
        )
    text = manager.get(mine.pages()["queue"]).content.decode()
    assert text.index("FIRST") < text.index("SECOND")
    assert "Secret Person" not in text
    assert "waiting for a compartment" in manager.get(mine.pages()["location"]).content.decode()
