"""Hourly snapshots of how full each location is, and their removal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from lockers import usage
from lockers.models import Compartment, Location, UsageSnapshot
from packages_app import tasks
from tests.world import NOW, door, make_location

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def location() -> Location:
    place = make_location(small=6, medium=1, large=0)
    for label, occupancy in {
        "S1": "occupied",
        "S2": "reserved",
        "S3": "unverified",
        "S4": "doubtful",
    }.items():
        Compartment.objects.filter(pk=door(place, label).pk).update(occupancy=occupancy)
    Compartment.objects.filter(pk=door(place, "S5").pk).update(
        occupancy="occupied", out_of_service_at=NOW, out_of_service_reason="bent"
    )
    return place


def figures(size: int) -> dict[str, Any]:
    row: dict[str, Any] = dict(UsageSnapshot.objects.filter(size=size).values().get())
    return {name: row[name] for name in row if name not in ("id", "location_id", "size", "taken_at", "hour")}


def test_compartments_by_status(location: Location) -> None:
    assert usage.take_snapshots(now=NOW + timedelta(minutes=59)) == 2
    assert figures(1) == {
        "total": 6, "available": 1, "occupied": 1, "reserved": 1, "out_of_service": 1, "unverified": 2,
    }  # fmt: skip
    assert figures(2) == {
        "total": 1, "available": 1, "occupied": 0, "reserved": 0, "out_of_service": 0, "unverified": 0,
    }  # fmt: skip
    assert set(UsageSnapshot.objects.values_list("hour", flat=True)) == {NOW}


def test_once_an_hour(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    assert usage.take_snapshots(now=NOW) == 2
    Compartment.objects.update(occupancy="empty")
    assert usage.take_snapshots(now=NOW + timedelta(minutes=30)) == 0
    assert figures(1)["available"] == 1
    # A second beat that looked before the first one wrote: the constraint decides.
    monkeypatch.setattr("django.db.models.query.QuerySet.exists", lambda _: False)
    assert usage.take_snapshots(now=NOW) == 0
    assert usage.take_snapshots(now=NOW + HOUR) == 2


def test_purged_in_batches(location: Location) -> None:
    for hours in range(5):
        usage.take_snapshots(now=NOW + hours * HOUR)
    assert usage.purge(now=NOW + timedelta(days=400) + 2 * HOUR, batch=3) == 4
    assert UsageSnapshot.objects.count() == 6
    assert usage.purge(now=NOW + timedelta(days=400) + 2 * HOUR) == 0


def test_the_jobs(location: Location) -> None:
    assert tasks.take_snapshots() == 2
    assert tasks.take_snapshots() == 0
    UsageSnapshot.objects.update(hour=NOW - timedelta(days=4000))
    assert tasks.purge_snapshots() == 2


def test_in_the_admin(location: Location, client: Client) -> None:
    usage.take_snapshots(now=NOW)
    client.force_login(User.objects.create_superuser("anna"))
    address = reverse("admin:lockers_usagesnapshot_changelist")
    queries: list[tuple[dict[str, str], int]] = [({}, 2), ({"size__exact": "1"}, 1), ({"q": "RIX"}, 0)]
    for query, count in queries:
        assert f"{count} usage snapshot" in client.get(address, query).content.decode()
    row = UsageSnapshot.objects.earliest("id")
    page = reverse("admin:lockers_usagesnapshot_change", args=[row.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"total": 99}).status_code == 403
    assert client.get(reverse("admin:lockers_usagesnapshot_add")).status_code == 403


def test_the_hour_is_utc_everywhere(location: Location) -> None:
    usage.take_snapshots(now=datetime.fromisoformat("2026-11-20T17:45:00+05:45"))
    assert set(UsageSnapshot.objects.values_list("hour", flat=True)) == {NOW}
