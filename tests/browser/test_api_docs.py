"""An integration engineer reads the documentation of the API."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.declared import document

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_documentation_of_the_calls(page: Page) -> None:
    """Every call is there, each opens with its codes, and the page of codes is one click away."""
    page.goto("/api/v1/docs")
    calls = page.locator(".opblock")
    expect(calls).to_have_count(sum(len(methods) for methods in document()["paths"].values()))
    assign = page.locator("#operations-couriers-assign")
    assign.click()
    expect(assign.get_by_text("location_full", exact=True).first).to_be_visible()
    codes = page.get_by_role("link", name="all codes").first  # it opens a page of its own
    page.goto(str(codes.get_attribute("href")))
    expect(page.locator("#location_full")).to_contain_text("Idempotency-Key")
    page.set_viewport_size({"width": 390, "height": 800})
    code = page.locator("#location_full code").first.bounding_box()
    assert code is not None
    assert code["height"] < 30, "a code is broken over lines"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="API documentation").click()
    page.wait_for_url("**/api/v1/docs")
    expect(calls.first).to_be_visible()
