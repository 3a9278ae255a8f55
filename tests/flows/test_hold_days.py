"""Hold time is whole days of the location's own wall clock, over changes of summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from packages_app import tasks
from packages_app.models import Package
from tests.flows.conftest import Clock
from tests.world import courier_api, kiosk_api, make_courier, make_kiosk, make_location, parcel

pytestmark = pytest.mark.django_db

# Place, hold days, wall clock of the deposit, wall clock of the end, hours in between.
HOLDS = [
    ("Europe/Tallinn", 3, "2026-11-20 14:00", "2026-11-23 14:00", 72),
    ("Europe/Tallinn", 3, "2026-03-27 14:00", "2026-03-30 14:00", 71),  # an hour is skipped on the 29th
    ("Europe/Tallinn", 3, "2026-10-23 14:00", "2026-10-26 14:00", 73),  # an hour comes twice on the 25th
    ("America/New_York", 7, "2026-03-05 09:30", "2026-03-12 09:30", 167),
    ("America/New_York", 1, "2026-10-31 23:59", "2026-11-01 23:59", 25),
    ("Australia/Lord_Howe", 2, "2026-10-03 12:00", "2026-10-05 12:00", 47.5),  # changes by half an hour
    ("Europe/Tallinn", 1, "2026-03-28 03:30", "2026-03-29 04:30", 24),  # 03:30 does not exist that day
    ("Europe/Tallinn", 1, "2026-10-24 03:30", "2026-10-25 03:30", 25),  # 03:30 comes twice: the later one
    ("Pacific/Kiritimati", 30, "2026-11-20 00:00", "2026-12-20 00:00", 720),
    ("Asia/Kathmandu", 3, "2026-11-20 12:00", "2026-11-23 12:00", 72),
]


def moment(wall: str, zone: str, *, fold: int = 0) -> datetime:
    """A wall clock's reading, in UTC."""
    local = datetime.strptime(wall, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone), fold=fold)
    return local.astimezone(UTC)


@pytest.mark.parametrize(("zone", "days", "begins", "ends", "hours"), HOLDS)
@pytest.mark.parametrize("reserved", [False, True])
def test_the_hold(
    clock: Clock, zone: str, days: int, begins: str, ends: str, hours: float, reserved: bool
) -> None:
    location = make_location(time_zone=zone, hold_days=days, max_hold_days=60)
    clock.to(moment(begins, zone))
    shop, screen = courier_api(make_courier(), codes_read=True), kiosk_api(make_kiosk(location))
    answer: Any = shop.post("/lockers/assign", parcel(location, deposited=not reserved))
    if reserved:
        answer = shop.post(f"/packages/{answer.json()['id']}/deposit")
    body = answer.json()
    end = datetime.fromisoformat(body["expires_at"])
    assert end == moment(ends, zone, fold=1)
    assert end - moment(begins, zone) == timedelta(hours=hours)

    clock.to(end - timedelta(seconds=1))
    tasks.expire()
    assert Package.objects.get().status == "STORED"
    clock.to(end)
    late: Any = screen.post("/pickup", {"code": body["pickup_code"]})
    assert (late.status_code, late.json()["code"]) == (409, "expired")
    tasks.expire()
    assert Package.objects.get().status == "EXPIRED"
