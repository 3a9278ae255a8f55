"""The manager's pages: who sees what, and what the forms do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lockers import layout, wall
from lockers.models import Compartment, Location, Membership, Repair
from notifications.models import Notification
from packages_app import operations
from packages_app.access import Actor
from packages_app.models import Package, QueueEntry
from tests.factories import LocationFactory
from tests.world import code_of, door, make_courier, make_location, make_package, make_recipient

pytestmark = pytest.mark.django_db

Status = Package.Status


@dataclass(frozen=True, slots=True)
class Place:
    """A location, with one package to collect and one to take out."""

    location: Location
    stored: Package
    expired: Package

    @property
    def free(self) -> Compartment:
        return door(self.location, "L1")

    def pages(self) -> dict[str, str]:
        """Every page of this place to look at."""
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
        """Every form of this place, filled in so that it would work."""
        seen = self.stored.updated_at.isoformat()
        return {
            "take_out": (reverse("manage:take_out", args=[self.free.pk]), {"reason": "hinge"}),
            "put_back": (reverse("manage:put_back", args=[self.free.pk]), {}),
            "plan_repair": (
                reverse("manage:plan_repair", args=[self.free.pk]),
                {"repair_by": f"{timezone.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"},
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


PAGES = ["location", "packages", "returns", "queue", "door", "package"]
ACTIONS = [
    "take_out",
    "put_back",
    "plan_repair",
    "confirm_repair",
    "confirm_empty",
    "parcel_found",
    "resend_code",
    "extend",
    "hold",
    "release",
    "taken_out",
]


def make_place(code: str, courier_code: str) -> Place:
    now = timezone.now()
    location = make_location(code, time_zone="Europe/Tallinn")
    courier = make_courier(courier_code)
    waits: dict[str, Any] = {"stored_at": now - timedelta(days=1), "expires_at": now + timedelta(days=2)}
    over: dict[str, Any] = {"stored_at": now - timedelta(days=4), "expires_at": now - timedelta(days=1)}
    return Place(
        location,
        make_package(courier, door(location, "S1"), **waits),
        make_package(courier, door(location, "S2"), Status.EXPIRED, **over),
    )


def make_manager(*locations: Location, name: str = "mary", **fields: Any) -> User:
    user = User.objects.create_user(name, password="correct horse battery", **fields)
    Membership.objects.bulk_create(Membership(user=user, location=location) for location in locations)
    return user


def signed_in(user: User, *, csrf: bool = False) -> Client:
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(user)
    return client


@pytest.fixture
def mine() -> Place:
    return make_place("TLL-1", "dpd")


@pytest.fixture
def theirs() -> Place:
    return make_place("RIX-1", "ups")


@pytest.fixture
def manager(mine: Place) -> Client:
    return signed_in(make_manager(mine.location))


def snapshot() -> list[Any]:
    """Everything that a manager's form could change."""
    return [
        list(Package.objects.order_by("pk").values()),
        list(Compartment.objects.order_by("pk").values()),
        list(Repair.objects.order_by("pk").values()),
        [compartment.events.count() for compartment in Compartment.objects.order_by("pk")],
        Notification.objects.count(),
    ]


# --- Who sees what -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_manager_sees_own_page(page: str, manager: Client, mine: Place) -> None:
    response = manager.get(mine.pages()[page])
    assert response.status_code == 200
    assert mine.location.name in response.content.decode()
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("page", PAGES)
def test_staff_see_every_page(page: str, mine: Place) -> None:
    staff = signed_in(make_manager(name="staff", is_staff=True))
    assert staff.get(mine.pages()[page]).status_code == 200


@pytest.mark.parametrize("page", ["locations", *PAGES])
def test_anonymous_is_sent_to_sign_in(page: str, client: Client, mine: Place) -> None:
    url = {"locations": reverse("manage:locations"), **mine.pages()}[page]
    response = client.get(url)
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('login')}?next={url}"


@pytest.mark.parametrize("action", ACTIONS)
def test_anonymous_changes_nothing(action: str, client: Client, mine: Place) -> None:
    before = snapshot()
    url, data = mine.actions()[action]
    response = client.post(url, data)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))
    assert snapshot() == before


MISSING: dict[str, Callable[[], str]] = {
    "location": lambda: reverse("manage:location", args=["NOT-THERE"]),
    "packages": lambda: reverse("manage:packages", args=["NOT-THERE"]),
    "returns": lambda: reverse("manage:returns", args=["NOT-THERE"]),
    "queue": lambda: reverse("manage:queue", args=["NOT-THERE"]),
    "taken_out": lambda: reverse("manage:taken_out", args=["NOT-THERE"]),
    "door": lambda: reverse("manage:door", args=[2**62]),
    "take_out": lambda: reverse("manage:take_out", args=[2**62]),
    "put_back": lambda: reverse("manage:put_back", args=[2**62]),
    "plan_repair": lambda: reverse("manage:plan_repair", args=[2**62]),
    "confirm_repair": lambda: reverse("manage:confirm_repair", args=[2**62]),
    "parcel_found": lambda: reverse("manage:parcel_found", args=[2**62]),
    "confirm_empty": lambda: reverse("manage:confirm_empty", args=[2**62]),
    "package": lambda: reverse("manage:package", args=[uuid4()]),
    "hold": lambda: reverse("manage:hold", args=[uuid4()]),
    "release": lambda: reverse("manage:release", args=[uuid4()]),
    "resend_code": lambda: reverse("manage:resend_code", args=[uuid4()]),
    "extend": lambda: reverse("manage:extend", args=[uuid4()]),
}


def whole(response: Any) -> tuple[int, bytes, dict[str, str]]:
    return response.status_code, response.content, dict(response.items())


@pytest.mark.parametrize("who", ["other manager", "nobody's manager"])
@pytest.mark.parametrize("page", PAGES)
def test_foreign_page_is_a_missing_page(page: str, who: str, mine: Place, theirs: Place) -> None:
    locations = [mine.location] if who == "other manager" else []
    outsider = signed_in(make_manager(*locations))
    foreign = outsider.get(theirs.pages()[page])
    assert foreign.status_code == 404
    assert whole(foreign) == whole(outsider.get(MISSING[page]()))


@pytest.mark.parametrize("who", ["other manager", "nobody's manager"])
@pytest.mark.parametrize("action", ACTIONS)
def test_foreign_action_is_a_missing_one(action: str, who: str, mine: Place, theirs: Place) -> None:
    locations = [mine.location] if who == "other manager" else []
    outsider = signed_in(make_manager(*locations))
    before = snapshot()
    url, data = theirs.actions()[action]
    foreign = outsider.post(url, data)
    assert foreign.status_code == 404
    assert whole(foreign) == whole(outsider.post(MISSING[action](), data))
    assert snapshot() == before


@pytest.mark.parametrize(
    "path",
    [
        "/manage/doors/99999999999999999999999/",
        "/manage/doors/-1/",
        "/manage/packages/1/",
        "/manage/locations/..%2F..%2Fetc/",
        "/manage/locations/%F0%9F%92%A9/",
    ],
)
def test_nonsense_in_an_address_is_not_found(path: str, manager: Client) -> None:
    assert manager.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/manage/locations/%00/", "/manage/locations/a%00b/", "/manage/?q=%00"])
def test_a_nul_in_an_address_is_a_bad_request(path: str, manager: Client) -> None:
    assert manager.get(path).status_code == 400


def test_foreign_package_in_own_round_does_nothing_at_all(
    manager: Client, mine: Place, theirs: Place
) -> None:
    before = snapshot()
    url, _ = mine.actions()["taken_out"]
    foreign = manager.post(url, {"packages": [str(mine.expired.pk), str(theirs.expired.pk)]})
    missing = manager.post(url, {"packages": [str(mine.expired.pk), str(uuid4())]})
    nonsense = manager.post(url, {"packages": [str(mine.expired.pk), "1 OR 1=1\x00"]})
    assert foreign.status_code == 404
    assert whole(foreign) == whole(missing) == whole(nonsense)
    assert snapshot() == before


def test_package_of_another_own_location_is_not_in_this_round(mine: Place, theirs: Place) -> None:
    manager = signed_in(make_manager(mine.location, theirs.location))
    before = snapshot()
    response = manager.post(mine.actions()["taken_out"][0], {"packages": [str(theirs.expired.pk)]})
    assert response.status_code == 404
    assert snapshot() == before


def test_locations_page_lists_own_locations_only(manager: Client, mine: Place, theirs: Place) -> None:
    text = manager.get(reverse("manage:locations")).content.decode()
    assert mine.location.name in text
    assert "1 package to take out" in " ".join(text.split())
    assert theirs.location.name not in text


def test_staff_search_all_locations(mine: Place, theirs: Place) -> None:
    staff = signed_in(make_manager(name="staff", is_staff=True))
    text = staff.get(reverse("manage:locations"), {"q": "rix"}).content.decode()
    assert theirs.location.name in text
    assert mine.location.name not in text


def test_user_without_location_gets_an_explanation(mine: Place) -> None:
    text = signed_in(make_manager()).get(reverse("manage:locations")).content.decode()
    assert "You manage no location yet" in text
    assert mine.location.name not in text


def test_disabled_manager_is_out_at_the_next_request(mine: Place) -> None:
    user = make_manager(mine.location)
    client = signed_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(mine.pages()["location"]).status_code == 302


# --- How forms are sent --------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
def test_action_without_csrf_token_is_refused(action: str, mine: Place) -> None:
    client = signed_in(make_manager(mine.location), csrf=True)
    before = snapshot()
    response = client.post(*mine.actions()[action])
    assert response.status_code == 403
    assert "nothing was changed" in response.content.decode()
    assert snapshot() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_looking_at_an_action_changes_nothing(action: str, manager: Client, mine: Place) -> None:
    before = snapshot()
    assert manager.get(mine.actions()[action][0]).status_code == 405
    assert snapshot() == before


def test_looking_at_pages_changes_nothing(manager: Client, mine: Place) -> None:
    before = snapshot()
    for url in mine.pages().values():
        manager.get(url)
    assert snapshot() == before


def messages_of(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


# --- Doors ---------------------------------------------------------------------------------------------


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
    assert "Confirm that it is empty" in manager.get(mine.pages()["door"]).content.decode()
    for _ in range(2):
        manager.post(*mine.actions()["confirm_empty"])
    assert mine.free.status == Compartment.Status.AVAILABLE
    assert mine.free.events.count() == 1


@pytest.fixture
def maybe(mine: Place) -> Package:
    """A reservation that lapsed: its parcel may lie in the door."""
    package = make_package(mine.stored.courier, mine.free, Status.PENDING, reserved_until=timezone.now())
    package.events.create(event="assigned", to_status="PENDING", by="courier:x", compartment=mine.free)
    operations.lapse(now=timezone.now())
    return package


@pytest.mark.parametrize(("outcome", "status"), [("stays", "STORED"), ("taken_out", "RETURNED")])
def test_parcel_found_in_an_unverified_door(
    outcome: str, status: str, manager: Client, mine: Place, maybe: Package
) -> None:
    text = manager.get(mine.pages()["door"]).content.decode()
    assert maybe.tracking_number in text
    assert "I have taken it out for its courier" in text
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
    assert "It stays" not in text
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


def assert_no_code(text: str, package: Package) -> None:
    code = code_of(package)
    assert code not in text
    assert f"{code[:4]} {code[4:]}" not in text


# --- Packages ------------------------------------------------------------------------------------------


def test_package_page_shows_history_and_messages_but_no_words_of_them(manager: Client, mine: Place) -> None:
    manager.post(*mine.actions()["resend_code"])
    text = manager.get(mine.pages()["package"]).content.decode()
    assert "New pickup code" in text
    assert "manager:mary" in text
    assert "Your new code" in text
    assert "E-mail, pending" in text
    assert "mari@example.com" not in text
    assert_no_code(text, mine.stored)


def test_times_are_the_locations_own(manager: Client, mine: Place) -> None:
    text = manager.get(mine.pages()["package"]).content.decode()
    local = mine.stored.expires_at.astimezone(mine.location.zone)  # type: ignore[union-attr]
    assert f"{local:%H:%M} {local.tzname()}" in text
    assert "Europe/Tallinn" in text


def test_new_code_sent_twice_is_one_new_code(manager: Client, mine: Place) -> None:
    old = code_of(mine.stored)
    url, data = mine.actions()["resend_code"]
    assert "new code is on its way" in messages_of(manager.post(url, data, follow=True))
    assert "has changed since" in messages_of(manager.post(url, data, follow=True))
    mine.stored.refresh_from_db()
    assert mine.stored.code_version == 2
    assert code_of(mine.stored) != old
    assert Notification.objects.filter(kind="code_renewed").count() == 2  # one e-mail, one SMS


def test_extension_sent_twice_extends_once(manager: Client, mine: Place) -> None:
    before = mine.stored.expires_at
    assert before is not None
    url, data = mine.actions()["extend"]
    assert "waits longer" in messages_of(manager.post(url, data, follow=True))
    assert "has changed since" in messages_of(manager.post(url, data, follow=True))
    mine.stored.refresh_from_db()
    assert mine.stored.expires_at == before + timedelta(hours=24)


@pytest.mark.parametrize(
    "change",
    [
        {"hours": "25"},
        {"hours": ""},
        {"hours": "9" * 5000},
        {"seen": ""},
        {"seen": "yesterday"},
        {"seen": "0001-01-01T00:00:00+14:00"},
        {"seen": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_extension_with_nonsense_is_refused(change: dict[str, str], manager: Client, mine: Place) -> None:
    before = snapshot()
    url, data = mine.actions()["extend"]
    response = manager.post(url, {**data, **change}, follow=True)
    assert "Nothing was changed" in messages_of(response)
    assert snapshot() == before


def test_extension_past_the_limit_is_refused_in_words(manager: Client, mine: Place) -> None:
    Location.objects.update(max_hold_days=3)
    url, data = mine.actions()["extend"]
    response = manager.post(url, {**data, "hours": 168}, follow=True)
    assert "3 days at the most" in messages_of(response)


def test_action_that_the_status_forbids_is_refused_in_words(manager: Client, mine: Place) -> None:
    seen = mine.expired.updated_at.isoformat()
    before = snapshot()
    response = manager.post(
        reverse("manage:resend_code", args=[mine.expired.pk]), {"seen": seen}, follow=True
    )
    assert "Nothing was changed" in messages_of(response)
    assert snapshot() == before
    page = manager.get(reverse("manage:package", args=[mine.expired.pk])).content.decode()
    assert "Send a new code" not in page
    assert "I have taken it out" in page


@pytest.mark.parametrize(
    ("tracking_number", "q", "found"),
    [
        ("50%OFF", "%", True),
        ("50xOFF", "%", False),
        ("A_B", "a_b", True),
        ("AxB", "A_B", False),
        (r"C\D", "\\", True),
        ("CxD", "\\", False),
        ("O'Hara", "'", True),
    ],
)
def test_search_is_literal(tracking_number: str, q: str, found: bool, manager: Client, mine: Place) -> None:
    Package.objects.filter(pk=mine.stored.pk).update(tracking_number=tracking_number)
    page = manager.get(mine.pages()["packages"], {"q": q}).context["page"]
    assert (mine.stored in page.object_list) is found


def test_packages_are_filtered_by_status(manager: Client, mine: Place) -> None:
    page = manager.get(mine.pages()["packages"], {"status": "EXPIRED"}).context["page"]
    assert list(page.object_list) == [mine.expired]


@pytest.mark.parametrize("query", [{"status": "NONE"}, {"q": "x" * 41}])
def test_nonsense_filter_finds_nothing_and_says_so(query: Any, manager: Client, mine: Place) -> None:
    response = manager.get(mine.pages()["packages"], query)
    assert response.status_code == 200
    assert not list(response.context["page"].object_list)
    assert 'class="error"' in response.content.decode()


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "9" * 5000, "1e400"])
def test_nonsense_page_number_is_forgiven(page: str, manager: Client, mine: Place) -> None:
    assert manager.get(mine.pages()["packages"], {"page": page}).status_code == 200


def test_long_list_comes_in_pages(manager: Client, mine: Place) -> None:
    courier = mine.stored.courier
    for _ in range(55):
        make_package(courier, mine.free, Status.RETURNED)
    first = manager.get(mine.pages()["packages"], {"status": "RETURNED"})
    assert len(first.context["page"].object_list) == 50
    assert "?status=RETURNED&amp;page=2" in first.content.decode()
    second = manager.get(mine.pages()["packages"], {"status": "RETURNED", "page": "2"})
    assert len(second.context["page"].object_list) == 5


def test_markup_in_names_and_notes_is_text(manager: Client, mine: Place) -> None:
    bad = "<script>alert(1)</script>"
    Location.objects.filter(pk=mine.location.pk).update(name=bad, address=bad)
    type(mine.stored.courier).objects.update(name=bad)
    Package.objects.filter(pk=mine.stored.pk).update(tracking_number=bad[:40])
    manager.post(mine.actions()["take_out"][0], {"reason": bad})
    for url in [reverse("manage:locations"), *mine.pages().values()]:
        text = manager.get(url).content.decode()
        assert "&lt;script&gt;" in text
        assert "<script>alert" not in text


# --- The returns round ---------------------------------------------------------------------------------


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
    """Not the order in which they are given out, where doors within reach and new cabinets come last."""
    location, courier = LocationFactory.create(code="WALL"), make_courier()
    layout.install([location], layout.lay_out(layout.parse("8/4/2")))
    location.lockers.filter(name="A").update(name="B")
    layout.extend(location, layout.parse("1/0/0"))
    hung = [door for each in wall.cabinets(location) for column in each.columns for door in column]
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
    assert "2 packages ticked off" in messages_of(response)
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
    assert "was not ticked off" in messages_of(response)
    assert snapshot() == after


def test_one_refusal_in_a_round_stops_no_other(manager: Client, mine: Place) -> None:
    url, _ = mine.actions()["taken_out"]
    response = manager.post(url, {"packages": [str(mine.stored.pk), str(mine.expired.pk)]}, follow=True)
    said = messages_of(response)
    assert "1 package ticked off" in said
    assert f"{mine.stored.tracking_number} was not ticked off" in said
    mine.stored.refresh_from_db()
    assert mine.stored.status == Status.STORED


def test_round_without_a_tick_says_so(manager: Client, mine: Place) -> None:
    before = snapshot()
    response = manager.post(mine.actions()["taken_out"][0], {}, follow=True)
    assert "Tick what you have taken out" in messages_of(response)
    assert snapshot() == before


def test_queue_is_shown_in_its_order_and_counted_on_every_page(manager: Client, mine: Place) -> None:
    assert "Nobody waits" in manager.get(mine.pages()["queue"]).content.decode()
    assert "wait for a door here" not in manager.get(mine.pages()["location"]).content.decode()
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
    assert "wait for a door here" in manager.get(mine.pages()["location"]).content.decode()
