"""A recipient opens the link of the last reminder on their phone and lets the parcel wait longer."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from packages_app.messaging import links
from packages_app.models import Package
from tests.world import door, make_courier, make_location, make_package

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def package() -> Package:
    location = make_location(
        name="Viru keskus", address="Viru väljak 4", city="Tallinn", time_zone="Europe/Tallinn"
    )
    now = timezone.now()
    return make_package(
        make_courier(),
        door(location, "S1"),
        tracking_number="JJFI-6125-0000-1234",
        stored_at=now - timedelta(hours=60),
        expires_at=now + timedelta(hours=10),
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_keep_it_longer_on_a_phone(page: Page, package: Package, scheme: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"/p/{links.token(package)}/")
    expect(page.get_by_role("heading", name="Your parcel is ready for pickup")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Extend by 2 days").click()
    expect(page.get_by_text("You can pick up your parcel until")).to_be_visible()
    longer = Package.objects.get()
    assert package.expires_at is not None
    assert longer.expires_at == package.expires_at + timedelta(hours=48)
    page.reload()  # sends nothing again
    expect(page.get_by_text("You can pick up your parcel until")).not_to_be_visible()
    assert Package.objects.get().expires_at == longer.expires_at


def test_choose_what_is_written_without_scripts(
    chromium: Browser, live_server: Any, package: Package
) -> None:
    page = chromium.new_page(java_script_enabled=False)
    page.goto(f"{live_server.url}/p/{links.token(package)}/")
    page.get_by_role("button", name="Only what I need for pickup").click()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    chosen = page.locator('[name="write_about"][aria-current="true"]')
    expect(chosen).to_have_text(re.compile("Only what I need for pickup"))
    page.close()
