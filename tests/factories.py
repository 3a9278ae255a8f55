"""Rows to begin a test with, by factory_boy. Packages in every status: `tests/world.py`."""

from __future__ import annotations

from typing import Any

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from lockers.models import Compartment, Kiosk, Location, Locker, Membership, Size
from packages_app.models import Courier, Recipient


class LocationFactory(DjangoModelFactory):
    """A place without doors."""

    class Meta:
        model = Location

    code = factory.Sequence(lambda n: f"LOC-{n}")
    name = factory.LazyAttribute(lambda location: f"Place {location.code}")
    country = "EE"


class LockerFactory(DjangoModelFactory):
    """A cabinet."""

    class Meta:
        model = Locker

    location = factory.SubFactory(LocationFactory)
    name = "A"


class CompartmentFactory(DjangoModelFactory):
    """An empty compartment in service, labeled by its size and row, as in S1, S2, M1."""

    class Meta:
        model = Compartment

    locker = factory.SubFactory(LockerFactory)
    location = factory.SelfAttribute("locker.location")
    size = Size.SMALL
    row = factory.Sequence(lambda n: n + 1)
    column = factory.LazyAttribute(lambda door: int(door.size))
    position = factory.LazyAttribute(lambda door: int(door.size) * 1000 + door.row)
    label = factory.LazyAttribute(lambda door: f"{Size(door.size).name[0]}{door.row}")


class KioskFactory(DjangoModelFactory):
    """A screen at a location."""

    class Meta:
        model = Kiosk

    location = factory.SubFactory(LocationFactory)
    name = "screen"


class CourierFactory(DjangoModelFactory):
    """A delivery company."""

    class Meta:
        model = Courier

    code = factory.Sequence(lambda n: f"courier-{n}")
    name = factory.LazyAttribute(lambda courier: courier.code.upper())


class RecipientFactory(DjangoModelFactory):
    """Somebody with an e-mail address and a phone."""

    class Meta:
        model = Recipient

    name = "Mari Maasikas"
    email = "mari@example.com"
    phone = "+3725551234"


class UserFactory(DjangoModelFactory):
    """A user with the password "secret"; `manages` makes them the manager of these locations."""

    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user-{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.django.Password("secret")

    @factory.post_generation
    def manages(self, create: bool, locations: list[Location] | None, **kwargs: Any) -> None:
        """Only for a user that is in the database."""
        if create and locations:
            user: Any = self
            Membership.objects.bulk_create(Membership(user=user, location=place) for place in locations)
