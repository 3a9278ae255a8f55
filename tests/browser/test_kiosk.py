"""A recipient before the screen at a locker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from lockers.models import Location
from packages_app import operations
from packages_app.models import Package
from tests.browser.conftest import Watch
from tests.world import (
    code_of,
    door,
    make_courier,
    make_key,
    make_kiosk,
    make_location,
    make_package,
    wrong_code,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def location() -> Location:
    return make_location("TLL-1", name="Tallinn, Viru", time_zone="Europe/Tallinn")


@pytest.fixture
def package(location: Location) -> Package:
    now = timezone.now()
    return make_package(
        make_courier(), door(location, "M2"), stored_at=now, expires_at=now + timedelta(days=3)
    )


@pytest.fixture
def screen(page: Page, location: Location) -> Page:
    connect(page, location)
    return page


def connect(page: Page, location: Location) -> None:
    _, key = make_key(kiosk=make_kiosk(location))
    page.goto("/kiosk/")
    page.get_by_label("Kiosk key").fill(key)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_label("Enter your pickup code")).to_be_visible()


def press(page: Page, code: str) -> None:
    for digit in code:
        page.get_by_role("button", name=digit, exact=True).click()


def test_code_on_the_keys_opens_the_door(screen: Page, package: Package) -> None:
    press(screen, "9")
    screen.get_by_role("button", name="Delete the last digit").click()
    press(screen, code_of(package))
    screen.get_by_role("button", name="Open my door").click()
    expect(screen.locator(".number")).to_have_text("M2")
    expect(screen.locator(".lit")).to_have_text("M2")
    assert code_of(package) not in screen.url
    screen.get_by_role("link", name="Done").click()
    expect(screen.get_by_label("Enter your pickup code")).to_have_value("")
    package.refresh_from_db()
    assert package.status == Package.Status.RETRIEVED


def test_keyboard_alone_opens_the_door(screen: Page, package: Package) -> None:
    expect(screen.get_by_label("Enter your pickup code")).to_be_focused()
    screen.keyboard.type(code_of(package))
    screen.keyboard.press("Enter")
    expect(screen.locator(".number")).to_have_text("M2")


def test_double_press_opens_once(screen: Page, package: Package) -> None:
    screen.get_by_label("Enter your pickup code").fill(code_of(package))
    screen.get_by_role("button", name="Open my door").dblclick(no_wait_after=True)
    expect(screen.locator(".number")).to_have_text("M2")
    assert package.events.filter(event="retrieved").count() == 1


def test_pickup_whose_answer_was_lost_is_asked_for_again(
    screen: Page, watch: Watch, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    def done_and_gone(**typed: Any) -> None:
        pick_up(**typed)
        raise OperationalError("gone")

    pick_up = operations.pick_up
    with monkeypatch.context() as patch:
        patch.setattr(operations, "pick_up", done_and_gone)
        screen.get_by_label("Enter your pickup code").fill(code_of(package))
        screen.get_by_role("button", name="Open my door").click()
        expect(screen.get_by_role("heading", name="Temporarily unavailable")).to_be_visible()
    assert "503" in watch.complaints.pop()
    screen.get_by_role("link", name="Go to home page").click()
    screen.get_by_label("Enter your pickup code").fill(code_of(package))
    screen.get_by_role("button", name="Open my door").click()
    expect(screen.locator(".number")).to_have_text("M2")
    assert package.events.filter(event="retrieved").count() == 1


def test_going_back_shows_no_code(screen: Page, package: Package) -> None:
    screen.get_by_label("Enter your pickup code").fill(code_of(package))
    screen.get_by_role("button", name="Open my door").click()
    expect(screen.locator(".number")).to_be_visible()
    screen.go_back()
    expect(screen.get_by_label("Enter your pickup code")).to_have_value("")


def test_wrong_codes_are_refused_and_then_wait(screen: Page, location: Location) -> None:
    for _ in range(4):
        screen.get_by_label("Enter your pickup code").fill(wrong_code(location))
        screen.get_by_role("button", name="Open my door").click()
        expect(screen.get_by_text("This code does not open any door here.")).to_be_visible()
    screen.get_by_label("Enter your pickup code").fill(wrong_code(location))
    screen.get_by_role("button", name="Open my door").click()
    expect(screen.get_by_role("heading", name="Please wait")).to_be_visible()
    expect(screen.get_by_label("Enter your pickup code")).to_have_count(0)


def test_keys_are_large_enough_for_a_finger(screen: Page) -> None:
    screen.set_viewport_size({"width": 390, "height": 800})
    for button in screen.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["width"] >= 44
        assert box["height"] >= 44
    assert screen.evaluate("document.documentElement.scrollWidth") <= 390


def test_pad_works_without_javascript(
    chromium: Browser, page: Page, live_server: object, location: Location, package: Package
) -> None:
    """`page` is asked for its settings only."""
    context = chromium.new_context(base_url=str(live_server), java_script_enabled=False)
    plain = context.new_page()
    watch = Watch(str(live_server).removeprefix("http://"))
    plain.on("request", watch.request)
    connect(plain, location)
    press(plain, code_of(package))
    expect(plain.get_by_label("Enter your pickup code")).to_have_value(code_of(package))
    plain.get_by_role("button", name="Open my door").click()
    expect(plain.locator(".number")).to_have_text("M2")
    context.close()
    assert watch.complaints == []


def test_a_scanner_types_wherever_the_last_finger_was(screen: Page, package: Package) -> None:
    """It is a keyboard that types the eight digits of the QR code and then Enter."""
    press(screen, "9")
    screen.get_by_role("button", name="Delete the last digit").click()
    expect(screen.get_by_role("button", name="Delete the last digit")).to_be_focused()
    screen.keyboard.type(code_of(package))
    screen.keyboard.press("Enter")
    expect(screen.locator(".number")).to_have_text("M2")


def test_a_language_is_chosen_by_a_finger(screen: Page, package: Package) -> None:
    screen.set_viewport_size({"width": 390, "height": 800})
    link = screen.get_by_role("link", name="Lietuvių")
    box = link.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    link.click()
    expect(screen.get_by_label("Įveskite atsiėmimo kodą")).to_be_focused()
    assert screen.evaluate("document.documentElement.scrollWidth") <= 390
    press(screen, code_of(package))
    screen.get_by_role("button", name="Atidaryti dureles").click()
    expect(screen.get_by_role("heading", name="Jūsų durelės yra")).to_be_visible()
    screen.get_by_role("link", name="Baigta").click()
    expect(screen.get_by_label("Enter your pickup code")).to_be_visible()
