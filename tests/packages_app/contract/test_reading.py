"""The calls that read packages, histories, messages and returns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lockers.models import Location
from packages_app.api.schemas.packages import EventPage, PackagePage
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package
from tests.packages_app.contract.answers import MOMENT, declared, refused
from tests.world import (
    UNTIL,
    Api,
    code_of,
    door,
    make_courier,
    make_location,
    make_package,
    parcel,
)

pytestmark = pytest.mark.django_db


def test_events(api: Api, location: Location, screen: Api) -> None:
    package_id = api.post("/lockers/assign", parcel(location)).json()["id"]
    screen.post("/pickup", {"code": code_of(Package.objects.get())})
    body = declared(api.get(f"/packages/{package_id}/events"), 200, EventPage)
    assert body["next_cursor"] is None
    assert [set(line) for line in body["items"]] == [
        {"at", "event", "from_status", "to_status", "by", "reason", "compartment"}
    ] * 3
    assert all(MOMENT.fullmatch(line["at"]) for line in body["items"])
    assert [
        (line["event"], line["from_status"], line["to_status"], line["by"], line["compartment"])
        for line in body["items"]
    ] == [
        ("assigned", None, "PENDING", "courier:dpd", "A-S1"),
        ("deposited", "PENDING", "STORED", "courier:dpd", "A-S1"),
        ("retrieved", "STORED", "RETRIEVED", "kiosk:TLL-1/screen", None),
    ]


def test_the_courier_sees_the_role_of_people_and_not_their_name(
    api: Api, location: Location, courier: Courier
) -> None:
    package = make_package(courier, door(location, "S1"))
    for by in ("manager:mia", "staff:sam", "system"):
        package.events.create(event="code_renewed", from_status="STORED", to_status="STORED", by=by)
    lines = api.get(f"/packages/{package.pk}/events").json()["items"]
    assert [line["by"] for line in lines] == ["manager", "staff", "system"]


def test_events_in_pages(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    for number in range(5):
        package.events.create(
            event="code_renewed", from_status="STORED", to_status="STORED", by="x", reason=str(number)
        )
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for expected in (2, 2, 1):
        body = declared(api.get(f"/packages/{package.pk}/events", limit=2, **cursor), 200, EventPage)
        assert len(body["items"]) == expected
        seen += [line["reason"] for line in body["items"]]
        cursor = {"cursor": body["next_cursor"]}
    assert seen == list("01234")
    assert cursor == {"cursor": None}


def test_returns(api: Api, location: Location, courier: Courier) -> None:
    elsewhere = make_location("RIX-1")
    hour = timedelta(hours=1)
    newer = make_package(courier, door(location, "S1"), Status.EXPIRED)
    older = make_package(courier, door(location, "S2"), Status.EXPIRED, expires_at=UNTIL - hour)
    cancelled = make_package(courier, door(location, "M1"), Status.CANCELLED, expires_at=UNTIL - 2 * hour)
    there = make_package(courier, door(elsewhere, "S1"), Status.EXPIRED, expires_at=UNTIL - 3 * hour)
    make_package(courier, door(location, "M2"), Status.CANCELLED, stored=False)
    make_package(courier, door(location, "M2"), Status.STORED)
    make_package(make_courier("gls"), door(location, "L1"), Status.EXPIRED)

    def listed(**query: Any) -> list[str]:
        body = declared(api.get("/returns", **query), 200, PackagePage)
        return [item["id"] for item in body["items"]]

    assert listed() == [str(package.pk) for package in (there, cancelled, older, newer)]
    assert listed(location="TLL-1") == [str(package.pk) for package in (cancelled, older, newer)]
    first = declared(api.get("/returns", limit=3), 200, PackagePage)
    rest = declared(api.get("/returns", limit=3, cursor=first["next_cursor"]), 200, PackagePage)
    assert [item["id"] for item in rest["items"]] == [str(newer.pk)]
    refused(api.get("/returns", location="NOWHERE"), 404, "unknown_location")
