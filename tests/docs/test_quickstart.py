"""The quick start and the example client do what they say, against a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from packages_app.models import Package
from tests import world
from tests.declared import document
from tests.factories import KioskFactory
from tests.world import make_key

ROOT = Path(__file__).parents[2]
README = (ROOT / "docs/api/README.md").read_text()
STEPS = re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_step_of_the_quick_start_works(live_server: LiveServer, tmp_path: Path) -> None:
    place = world.make_location("TLL-01", latitude=59.44, longitude=24.74)
    _, key = make_key(courier=world.make_courier(), scopes=["packages", "codes:read"])
    _, kiosk = make_key(kiosk=KioskFactory.create(location=place))
    given = {"API": f"{live_server.url}/api/v1", "KEY": key, "KIOSK": kiosk, "PLACE": place.code}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(STEPS)],
        env={"PATH": os.environ["PATH"], **given},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert len(STEPS) == 15
    assert {package.tracking_number: package.status for package in Package.objects.all()} == {
        "QS-1": "STORED",  # again, because the door stayed shut
        "QS-2": "RETURNED",
    }


def test_every_call_stands_in_the_table() -> None:
    """Added or changed a call? Change its row under "Every call" in docs/api/README.md as well."""
    rows = re.findall(r"^\| `([A-Z]+ /\S*)` \| [\w, ]+ \| (.*?) \| ([\d, ]+) \|$", README, re.M)
    wanted = {
        (
            f"{method.upper()} {path.removeprefix('/api/v1')}",
            call["summary"],
            ", ".join(status for status in call["responses"] if int(status) < 300),
        )
        for path, calls in document()["paths"].items()
        for method, call in calls.items()
    }
    assert set(rows) == wanted


def example(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "examples/courier.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_example_drops_off_and_says_where_else_there_is_room(live_server: LiveServer) -> None:
    world.make_location("TLL-01", small=1, medium=0, large=0, latitude=59.44, longitude=24.74)
    world.make_location("TLL-02", latitude=59.45, longitude=24.75)
    _, key = make_key(courier=world.make_courier())
    first = example(live_server.url, key, "TLL-01", "EX-1")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Open door A-S1.")
    assert example(live_server.url, key, "TLL-01", "EX-1").stdout == first.stdout
    full = example(live_server.url, key, "TLL-01", "EX-2")
    assert full.returncode == 1
    assert "location_full" in full.stderr
    assert "TLL-02" in full.stderr
    assert Package.objects.count() == 1
