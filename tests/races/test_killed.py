"""Jobs that are killed with SIGKILL in the midst of their work, again and again, do everything once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from common.actor import Actor
from lockers import operations
from lockers.models import Compartment, CompartmentEvent, Location
from notifications.models import Notification
from packages_app.life.lifecycle import Status
from packages_app.models import Courier
from tests.factories import UserFactory
from tests.races.together import assert_sound
from tests.world import NOW, door, make_location, make_package

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

BASE = Path(__file__).resolve().parents[2]
KILLS = 3
# The operation as the job calls it; one row a batch, so that there is a midst to be killed in.
RUN = """
import datetime, django
django.setup()
from packages_app import operations
print("begins", flush=True)
operations.{call}
"""


def run(call: str) -> subprocess.Popen[bytes]:
    """The job in a process of its own, on the database of this test."""
    database = settings.DATABASES["default"]
    url = f"postgres://{database['USER']}:{database['PASSWORD']}@{{}}/{connection.settings_dict['NAME']}"
    host, port = database["HOST"], database["PORT"]
    address = url.format(f"{host.replace('/', '%2F')}:{port}")
    environment = {**os.environ, "DATABASE_URL": address, "NOTIFICATION_NUDGE": "false"}
    environment["DJANGO_SETTINGS_MODULE"] = "lockerportal.settings"
    process = subprocess.Popen(
        [sys.executable, "-c", RUN.format(call=call)], cwd=BASE, env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"begins\n"
    return process


def killed_again_and_again(call: str, done: Callable[[], int], total: int) -> int:
    """Kills it when some of its work is done and some is not, then lets it end; returns how many hit."""
    hits = 0
    for _ in range(KILLS):
        before = done()
        process = run(call)
        while process.poll() is None and done() < before + total // (KILLS + 2):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        hits += process.wait(timeout=30) == -signal.SIGKILL
    last = run(call)
    assert last.wait(timeout=60) == 0
    return hits


@pytest.fixture
def many() -> Location:
    return make_location(small=60, medium=0, large=0, time_zone="UTC", morning_hour=0)


def moment(at: datetime) -> str:
    return f"datetime.datetime.fromisoformat({at.isoformat()!r})"


def test_reminders(many: Location, courier: Courier) -> None:
    for number in range(60):
        make_package(
            courier,
            door(many, f"S{number + 1}"),
            stored_at=NOW,
            expires_at=NOW + timedelta(days=3),
            updated_at=NOW,
        )
    at = moment(NOW + timedelta(days=2, hours=1))
    rows = Notification.objects.filter(kind="reminder")
    assert killed_again_and_again(f"remind_due(now={at}, batch=1)", rows.count, 120) > 0
    assert rows.count() == 2 * 60
    assert rows.values("subject", "channel").distinct().count() == 2 * 60


def test_return_lists(courier: Courier) -> None:
    courier.return_list_email = "back@dpd.example.com"
    courier.save()
    for number in range(60):
        place = make_location(f"P{number}", small=1, medium=0, large=0, morning_hour=0)
        make_package(courier, door(place, "S1"), Status.EXPIRED)
    rows = Notification.objects.filter(kind="return_list")
    assert killed_again_and_again(f"list_returns_due(now={moment(NOW)})", rows.count, 60) > 0
    assert rows.count() == rows.values("subject").distinct().count() == 60


def test_repairs(many: Location) -> None:
    UserFactory.create(manages=[many])
    doors = Compartment.objects.filter(location=many)
    for one in doors:
        operations.take_out_of_service(
            compartments=doors,
            compartment_id=one.pk,
            by=Actor("staff:anna"),
            reason="paint",
            now=NOW,
            repair_by=NOW,
        )
        operations.confirm_repair(
            compartments=doors, compartment_id=one.pk, by=Actor("staff:anna"), now=NOW - timedelta(hours=1)
        )
    lines = CompartmentEvent.objects.filter(kind="put_back")
    assert killed_again_and_again(f"finish_repairs_due(now={moment(NOW)})", lines.count, 60) > 0
    assert lines.count() == lines.values("compartment").distinct().count() == 60
    assert not doors.filter(out_of_service_at__isnull=False).exists()
    assert_sound()
