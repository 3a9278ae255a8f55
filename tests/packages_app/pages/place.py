"""A location with data for its manager's pages, and the users who look at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lockers.models import Compartment, Location, Membership, Repair
from notifications.models import Notification
from packages_app.models import Package
from tests.world import code_of, door, make_courier, make_location, make_package


@dataclass(frozen=True, slots=True)
class Place:
    """A location with one package to pick up and one to take out."""

    location: Location
    stored: Package
    expired: Package

    @property
    def free(self) -> Compartment:
        return door(self.location, "L1")

    def pages(self) -> dict[str, str]:
        """Return the URL of every page of the location."""
        code = self.location.code
        return {
            "location": reverse("manage:location", args=[code]),
            "packages": reverse("manage:packages", args=[code]),
            "returns": reverse("manage:returns", args=[code]),
            "queue": reverse("manage:queue", args=[code]),
            "downtimes": reverse("manage:downtimes", args=[code]),
            "door": reverse("manage:door", args=[self.free.pk]),
            "package": reverse("manage:package", args=[self.stored.pk]),
        }

    def actions(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return every form of the location, filled in validly."""
        seen = self.stored.updated_at.isoformat()
        return {
            "take_out": (reverse("manage:take_out", args=[self.free.pk]), {"reason": "hinge"}),
            "put_back": (reverse("manage:put_back", args=[self.free.pk]), {}),
            "plan_repair": (
                reverse("manage:plan_repair", args=[self.free.pk]),
                {"repair_by": f"{timezone.now() + timedelta(days=2):%Y-%m-%dT12:00}"},
            ),
            "confirm_repair": (reverse("manage:confirm_repair", args=[self.free.pk]), {}),
            "confirm_empty": (reverse("manage:confirm_empty", args=[self.free.pk]), {}),
            "parcel_found": (reverse("manage:parcel_found", args=[self.free.pk]), {"outcome": "taken_out"}),
            "suspend": (reverse("manage:suspend", args=[self.location.code]), {"reason": "flood"}),
            "resume": (reverse("manage:resume", args=[self.location.code]), {}),
            "resend_code": (reverse("manage:resend_code", args=[self.stored.pk]), {"seen": seen}),
            "extend": (reverse("manage:extend", args=[self.stored.pk]), {"seen": seen, "hours": 24}),
            "hold": (reverse("manage:hold", args=[self.stored.pk]), {"reason": "fraud", "note": ""}),
            "release": (reverse("manage:release", args=[self.stored.pk]), {}),
            "taken_out": (
                reverse("manage:taken_out", args=[self.location.code]),
                {"packages": [str(self.expired.pk)]},
            ),
        }


def make_place(code: str, courier_code: str) -> Place:
    now = timezone.now()
    location = make_location(code, time_zone="Europe/Tallinn")
    courier = make_courier(courier_code)
    waits: dict[str, Any] = {"stored_at": now - timedelta(days=1), "expires_at": now + timedelta(days=2)}
    over: dict[str, Any] = {"stored_at": now - timedelta(days=4), "expires_at": now - timedelta(days=1)}
    return Place(
        location,
        make_package(courier, door(location, "S1"), **waits),
        make_package(courier, door(location, "S2"), Package.Status.EXPIRED, **over),
    )


def make_manager(*locations: Location, name: str = "mary", **fields: Any) -> User:
    user = User.objects.create_user(name, password="correct horse battery", **fields)
    Membership.objects.bulk_create(Membership(user=user, location=location) for location in locations)
    return user


def signed_in(user: User, *, csrf: bool = False) -> Client:
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(user)
    return client


def snapshot() -> list[Any]:
    """Return everything that a manager's form could change."""
    return [
        list(Package.objects.order_by("pk").values()),
        list(Compartment.objects.order_by("pk").values()),
        list(Repair.objects.order_by("pk").values()),
        [compartment.events.count() for compartment in Compartment.objects.order_by("pk")],
        Notification.objects.count(),
    ]


def messages_of(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def assert_no_code(text: str, package: Package) -> None:
    code = code_of(package)
    assert code not in text
    assert f"{code[:4]} {code[4:]}" not in text
