"""Two locations, each with a screen; two couriers; a package of courier A at location 1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from lockers.models import Location, Membership
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package
from tests.world import door, make_courier, make_key, make_kiosk, make_location, make_package, revoke_key


@dataclass(frozen=True, slots=True)
class World:
    """What the rows of the matrix speak of."""

    here: Location
    elsewhere: Location
    a: Courier
    keys: dict[str, str]
    users: dict[str, User]

    def package(self, status: Status) -> Package:
        """Courier A's package at location 1, in its first days."""
        now = timezone.now()
        times: dict[str, Any] = {"created_at": now}
        if status == Status.PENDING:
            times["reserved_until"] = now + timedelta(minutes=30)
        else:
            times |= {"stored_at": now, "expires_at": now + timedelta(days=2)}
        if status == Status.RETRIEVED:
            times |= {"retrieved_at": now, "released_at": now}
        return make_package(self.a, door(self.here, "S1"), status, **times)


def make_world() -> World:
    """A world whose keys and users are named as the columns of the tables."""
    here, elsewhere = make_location("TLL-1"), make_location("RIX-1")
    a, b = make_courier("dpd"), make_courier("ups")
    _, of_a = make_key(courier=a)
    _, of_b = make_key(courier=b)
    _, of_1 = make_key(kiosk=make_kiosk(here))
    _, of_2 = make_key(kiosk=make_kiosk(elsewhere))
    _, scopeless = make_key(courier=a, scopes=["codes:read"])
    _, expired = make_key(courier=a, life=timedelta(0))
    revoked_key, revoked = make_key(courier=a)
    revoke_key(revoked_key, now=timezone.now())
    keys = {"nobody": "", "revoked": revoked, "expired": expired, "scopeless": scopeless}
    keys |= {"A": of_a, "B": of_b, "kiosk_1": of_1, "kiosk_2": of_2}
    return World(here, elsewhere, a, keys, _users(here, elsewhere))


def _users(here: Location, elsewhere: Location) -> dict[str, User]:
    make = User.objects.create  # without a password, which would cost a second
    users = {
        "manager_1": make(username="manager-1"),
        "manager_2": make(username="manager-2"),
        "staff": make(username="staff", is_staff=True),
        "superuser": make(username="superuser", is_staff=True, is_superuser=True),
    }
    Membership.objects.create(user=users["manager_1"], location=here)
    Membership.objects.create(user=users["manager_2"], location=elsewhere)
    return users
