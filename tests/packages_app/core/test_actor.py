"""Which packages exist for whom."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from lockers.models import Membership
from packages_app.core.actor import SYSTEM, Actor
from packages_app.models import Package
from tests.world import actor, door, make_courier, make_location, make_package

pytestmark = pytest.mark.django_db


def test_which_packages_exist_for_whom() -> None:
    here, there = make_location("TLL-1"), make_location("RIX-1")
    dpd, gls = make_courier("dpd"), make_courier("gls")
    one = make_package(dpd, door(here, "S1"))
    two = make_package(gls, door(here, "S2"))
    three = make_package(gls, door(there, "S1"))
    manager = User.objects.create_user("mia")
    Membership.objects.create(user=manager, location=there)
    staff = User.objects.create_user("sam", is_staff=True)

    def seen(who: Actor) -> set[Package]:
        return set(who.packages())

    assert seen(actor(dpd)) == {one}
    assert seen(actor(gls)) == {two, three}
    assert seen(Actor(name="kiosk", location_id=here.pk)) == {one, two}
    assert seen(Actor.of_user(manager)) == {three}
    assert seen(Actor.of_user(staff)) == {one, two, three}
    assert seen(SYSTEM) == {one, two, three}
    assert str(Actor.of_user(manager)) == "manager:mia"
    assert str(Actor.of_user(staff)) == "staff:sam"
