"""A real Chromium, and an eye on all that a page asks for and complains about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Chromium tells pages of violations by this event, also of those that it does not write to the console.
LISTEN = """
document.addEventListener("securitypolicyviolation",
  (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
"""


@pytest.fixture(scope="package")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    """The machine's own Chromium; where there is none, these tests are skipped."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("REQUIRE_BROWSER=1, and there is no Chromium on this machine")
        pytest.skip("there is no Chromium on this machine")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop running in this thread, which Django would take for async code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What went wrong on the pages so far; must stay empty."""

    host: str
    complaints: list[str] = field(default_factory=list)

    def request(self, request: Request) -> None:
        """Nothing is asked of a foreign host, and nothing that is asked for is missing."""
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self.host:
            self.complaints.append(f"foreign host: {request.url}")

    def attach(self, page: Page) -> None:
        """Listen to everything on this page."""
        page.add_init_script(LISTEN)
        page.on("request", self.request)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on(
            "console",
            lambda line: (
                self.complaints.append(f"{line.type}: {line.text}")
                if line.type in ("error", "warning")
                else None
            ),
        )


@pytest.fixture
def watch(live_server: object) -> Watch:
    """What `page` has complained of so far; a test that expects a complaint takes it out."""
    return Watch(urlsplit(str(live_server)).netloc)


@pytest.fixture
def page(chromium: Browser, live_server: object, watch: Watch) -> Iterator[Page]:
    """A page of a fresh browser profile. The test fails if any page complains or asks a foreign host."""
    base = str(live_server)
    context = chromium.new_context(base_url=base)
    context.set_default_timeout(15_000)
    page = context.new_page()
    watch.attach(page)
    yield page
    context.close()
    assert watch.complaints == []
