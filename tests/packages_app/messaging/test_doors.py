"""What managers are told about their doors, and in which language."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from lockers.models import CompartmentEvent, Location, Membership
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.messaging.doors import compose, tell_of_door
from packages_app.messaging.managers import managers
from tests.factories import UserFactory
from tests.world import NOW, door, make_location

pytestmark = pytest.mark.django_db


@pytest.fixture
def kaja(location: Location) -> User:
    user: User = UserFactory.create(username="kaja", first_name="Kaja", manages=[location])
    return user


@pytest.fixture
def event(location: Location) -> CompartmentEvent:
    """Its door is out of service."""
    compartment = door(location, "S1")
    return compartment.take_out_of_service(by="courier:dpd", reason="damaged: hinge", now=NOW)


def composed(event: CompartmentEvent, location: Location) -> list[Message | Suppressed]:
    """What becomes of the messages about it."""
    tell_of_door(event, location.pk)
    return list(compose(list(Notification.objects.order_by("pk"))).values())


def test_each_is_told_in_the_language_chosen_for_the_location(
    location: Location, kaja: User, event: CompartmentEvent
) -> None:
    UserFactory.create(username="jan", manages=[location])
    Membership.objects.filter(user__username="jan").update(language="pl")
    found = composed(event, location)
    assert [(one.to, one.language) for one in found if isinstance(one, Message)] == [
        ("kaja@example.com", "en"),
        ("jan@example.com", "pl"),
    ]
    assert isinstance(found[0], Message)
    assert found[0].context["recipient_name"] == "Kaja"
    assert found[0].context["reason"] == "damaged: hinge"


@pytest.mark.parametrize("what", ["left", "inactive", "no address"])
def test_who_manages_it_no_more_is_not_told(
    location: Location, kaja: User, event: CompartmentEvent, what: str
) -> None:
    tell_of_door(event, location.pk)
    if what == "left":
        Membership.objects.all().delete()
    else:
        User.objects.filter(pk=kaja.pk).update(
            **({"is_active": False} if what == "inactive" else {"email": ""})
        )
    rows = list(Notification.objects.all())
    assert list(compose(rows).values()) == [Suppressed("the manager or the compartment is gone")]


def test_a_door_that_is_back_is_not_told(location: Location, kaja: User, event: CompartmentEvent) -> None:
    event.compartment.put_back_in_service(by="manager:kaja")
    assert composed(event, location) == [Suppressed("the compartment is back in service")]


def test_only_pairs_that_belong_together_are_found(location: Location, kaja: User) -> None:
    other = make_location("TLL-2", small=1)
    stranger = UserFactory.create(username="stranger", manages=[other])
    pairs = [(location.pk, kaja.pk), (location.pk, stranger.pk), (other.pk, stranger.pk)]
    assert set(managers(pairs)) >= {(location.pk, kaja.pk), (other.pk, stranger.pk)}
    assert (location.pk, stranger.pk) not in managers(pairs)
