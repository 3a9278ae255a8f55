"""The manager's pages: access, and how forms are handled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.packages_app.pages.place import Place, make_manager, signed_in, snapshot

pytestmark = pytest.mark.django_db

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
    assert "You do not manage any locations yet" in text
    assert mine.location.name not in text


def test_disabled_manager_is_out_at_the_next_request(mine: Place) -> None:
    user = make_manager(mine.location)
    client = signed_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(mine.pages()["location"]).status_code == 302


@pytest.mark.parametrize("action", ACTIONS)
def test_action_without_csrf_token_is_refused(action: str, mine: Place) -> None:
    client = signed_in(make_manager(mine.location), csrf=True)
    before = snapshot()
    response = client.post(*mine.actions()[action])
    assert response.status_code == 403
    assert "Nothing was changed" in response.content.decode()
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
