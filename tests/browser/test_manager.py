"""A location manager's morning: sign in, look at the wall, a broken door, the returns round."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone
from playwright.sync_api import Page, expect

from lockers.models import Compartment, Location, Membership
from packages_app.models import Package
from tests.world import door, make_courier, make_location, make_package

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery"
# What a thumb would miss on a phone: buttons, boxes and tabs that are too low, or hang out of the screen.
HIDDEN_OR_SMALL = """
[...document.querySelectorAll("button, input:not([type=hidden]), select, .tabs a")]
  .map((one) => [one.innerText || one.name, one.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.height < 43 || box.right > innerWidth))
  .map(([name]) => name)
"""
# Where the text of each of these cells begins.
LEFT_EDGES = """
(cells) => cells.map((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return Math.round(Math.min(...[...range.getClientRects()].map((box) => box.left)));
})
"""


@pytest.fixture
def location() -> Location:
    return make_location(
        "TLL-1", small=4, medium=2, large=1, name="Tallinn, Viru", time_zone="Europe/Tallinn"
    )


@pytest.fixture
def overdue(location: Location) -> list[Package]:
    courier, now = make_courier(), timezone.now()
    over: dict[str, Any] = {"stored_at": now - timedelta(days=4), "expires_at": now - timedelta(days=1)}
    return [
        make_package(courier, door(location, label), Package.Status.EXPIRED, **over)
        for label in ("S1", "S2", "M1")
    ]


@pytest.fixture
def manager(page: Page, location: Location) -> Page:
    user = User.objects.create_user("mary", password=PASSWORD)
    Membership.objects.create(user=user, location=location)
    page.goto("/")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Username").fill("mary")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="My locations")).to_be_visible()
    return page


def test_door_goes_out_and_back(manager: Page, location: Location) -> None:
    manager.get_by_role("link", name="Tallinn, Viru").click()
    manager.get_by_role("link", name="L1 Available").click()
    manager.get_by_label("Reason").fill("<b>the hinge</b>")
    manager.get_by_role("button", name="Take out of service").click()
    expect(manager.get_by_text("Compartment L1 is out of service.")).to_be_visible()
    expect(manager.get_by_text("<b>the hinge</b>").first).to_be_visible()
    manager.get_by_role("link", name="Compartments", exact=True).click()
    manager.get_by_role("link", name="L1 Out").click()
    manager.get_by_role("button", name="Put back in service").click()
    expect(manager.get_by_text("Compartment L1 is back in service.")).to_be_visible()
    assert door(location, "L1").status == Compartment.Status.AVAILABLE


def test_returns_round_frees_the_doors(overdue: list[Package], manager: Page, location: Location) -> None:
    manager.get_by_role("link", name="3 packages to take out").click()
    manager.get_by_label(f"{overdue[0].tracking_number} taken out").check()
    manager.get_by_role("button", name="Mark as taken out").click()
    expect(manager.get_by_text("1 package marked as taken out")).to_be_visible()
    manager.get_by_label("Select all").check()
    manager.get_by_role("button", name="Mark as taken out").click()
    expect(manager.get_by_text("no packages to take out")).to_be_visible()
    assert {each.status for each in Compartment.objects.filter(location=location)} == {"available"}
    manager.get_by_role("link", name="Packages", exact=True).click()
    manager.get_by_role("link", name=overdue[0].tracking_number, exact=True).click()
    expect(manager.get_by_text("Taken out for return")).to_be_visible()


def test_wall_hangs_as_the_cabinet_does(manager: Page, location: Location) -> None:
    manager.goto(f"/manage/locations/{location.code}/")
    boxes: dict[str, Any] = {
        label: manager.get_by_role("link", name=f"{label} Available").bounding_box() or {}
        for label in ("S1", "S2", "M1", "L1")
    }
    assert boxes["S1"]["y"] < boxes["S2"]["y"]
    assert boxes["S1"]["x"] < boxes["M1"]["x"] < boxes["L1"]["x"]
    assert boxes["S1"]["height"] < boxes["M1"]["height"] < boxes["L1"]["height"]


def test_pages_fit_a_phone(overdue: list[Package], manager: Page, location: Location) -> None:
    manager.set_viewport_size({"width": 390, "height": 800})
    code = location.code
    for path in (
        "/manage/",
        f"/manage/locations/{code}/",
        f"/manage/locations/{code}/packages/",
        f"/manage/locations/{code}/queue/",
        f"/manage/locations/{code}/returns/",
        f"/manage/locations/{code}/downtimes/",
        f"/manage/doors/{overdue[0].compartment_id}/",
        f"/manage/packages/{overdue[0].pk}/",
    ):
        manager.goto(path)
        assert manager.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert manager.evaluate(HIDDEN_OR_SMALL) == [], path


def test_values_on_a_phone_stand_beside_their_labels(
    overdue: list[Package], manager: Page, location: Location
) -> None:
    Package.objects.update(tracking_number=Concat(Value("A-LONG-TRACKING-NUMBER-"), "tracking_number"))
    manager.set_viewport_size({"width": 390, "height": 800})
    manager.goto(f"/manage/locations/{location.code}/returns/")
    lefts = manager.locator("td[data-label]").evaluate_all(LEFT_EDGES)
    assert len(lefts) == 4 * len(overdue)
    assert len(set(lefts)) == 1


def test_sign_out_ends_it(manager: Page, location: Location) -> None:
    manager.get_by_role("button", name="Sign out").click()
    expect(manager.get_by_role("heading", name="Sign in")).to_be_visible()
    manager.goto(f"/manage/locations/{location.code}/")
    expect(manager.get_by_role("heading", name="Sign in")).to_be_visible()
