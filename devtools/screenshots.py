"""Take the pictures in docs/images, one of each face of the portal.

    python -m devtools.screenshots

Starts the portal for them, or uses the one that runs in this checkout. Drives the machine's own Chromium.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from devtools.run.run_lock import running_at

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
IMAGES = BASE_DIR / "docs" / "images"
LOCATION = "LIS-01"  # one that the sample manager runs, where messages are in English
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
KIOSK: ViewportSize = {"width": 1024, "height": 768}
PHONE: ViewportSize = {"width": 390, "height": 844}
_START_SECONDS = 300


@contextlib.contextmanager
def portal() -> Iterator[str]:
    """Run a portal with sample data for the time of the block, and yield its address."""
    address = running_at(VAR)
    if address is not None:
        yield address
        return
    run = subprocess.Popen([sys.executable, "-m", "devtools.run.supervisor", "run", "--port", "8765"])
    try:
        yield _wait_until_ready("http://127.0.0.1:8765", run)
    finally:
        run.terminate()
        run.wait()


def _wait_until_ready(address: str, run: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while run.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/readyz", timeout=5).close()  # noqa: S310 - on loopback
            return address
        time.sleep(1)
    raise SystemExit("The portal did not start.")


def take_all(browser: Browser, address: str, credentials: dict[str, Any], parcel_page: str) -> None:
    """Take every picture."""

    def page(size: ViewportSize, **options: Any) -> Page:
        context = browser.new_context(
            base_url=address, viewport=size, locale="en-US", color_scheme="light", **options
        )
        return context.new_page()

    admin = page(DESKTOP)
    _sign_in(admin, credentials["staff"])
    admin.goto("/admin/packages_app/package/")
    _save(admin, "admin")

    manager = page(PHONE, device_scale_factor=2)
    _sign_in(manager, credentials["manager"])
    manager.goto(f"/manage/locations/{LOCATION}/")
    _save(manager, "manager")

    kiosk = page(KIOSK)
    kiosk.goto("/kiosk/connect/")
    kiosk.fill("input[name=key]", credentials["kiosk_keys"][LOCATION])
    kiosk.click("form button")
    kiosk.wait_for_selector("form.pad")
    _save(kiosk, "kiosk")

    recipient = page(PHONE, device_scale_factor=2)
    recipient.goto(parcel_page)
    _save(recipient, "recipient")


def _sign_in(page: Page, user: dict[str, str]) -> None:
    page.goto("/accounts/login/")
    page.fill("input[name=username]", user["username"])
    page.fill("input[name=password]", user["password"])
    page.click("main form button")
    page.wait_for_url(lambda url: "login" not in url)


def _parcel_page() -> str:
    """Return the path of the page of a stored package: in English, and with hold left to extend."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockerportal.settings")
    django.setup()
    from packages_app.messaging import links
    from packages_app.models import Package

    packages = Package.objects.filter(status=Package.Status.STORED, location__code=LOCATION)
    for package in packages.select_related("location", "recipient").order_by("tracking_number"):
        if package.recipient is not None and package.recipient.language == "en" and links.can_extend(package):
            return reverse("parcel", args=[links.token(package)])
    raise SystemExit("The sample network has no stored package of a recipient who reads English.")


def _save(page: Page, name: str) -> None:
    """Write docs/images/NAME.png with 256 colors, which is enough for pages and keeps the files small."""
    page.wait_for_load_state("networkidle")
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file = IMAGES / f"{name}.png"
    image.quantize(256).save(file, optimize=True)
    sys.stdout.write(f"{file.relative_to(BASE_DIR)}: {file.stat().st_size // 1024} KB\n")


def main() -> None:
    """Take the pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("The screenshots need Chromium (Debian: apt install chromium).")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with portal() as address:
        credentials = json.loads((VAR / "demo.json").read_text())
        # Before Playwright starts: Django refuses database queries in a thread with an event loop.
        parcel_page = _parcel_page()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            take_all(browser, address, credentials, parcel_page)
            browser.close()


if __name__ == "__main__":
    main()
