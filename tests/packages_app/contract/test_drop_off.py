"""`POST /lockers/assign`: every field, status and code that couriers rely on."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from common.clock import database_now
from lockers.models import Compartment, Location
from packages_app.api.schemas.packages import PackageOut
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package
from tests.packages_app.contract.answers import PACKAGE_FIELDS, declared, refused
from tests.world import (
    NOW,
    Api,
    code_of,
    courier_api,
    door,
    make_location,
    make_package,
    parcel,
)

pytestmark = pytest.mark.django_db


def test_assign(api: Api, location: Location) -> None:
    body = declared(api.post("/lockers/assign", parcel(location, "T-1")), 201, PackageOut)
    package = Package.objects.get()
    assert list(body) == PACKAGE_FIELDS
    assert body == {
        "id": str(package.pk),
        "tracking_number": "T-1",
        "status": "STORED",
        "size": "SMALL",
        "location": "TLL-1",
        "compartment": {"id": door(location, "S1").pk, "locker": "A", "label": "S1", "size": "SMALL"},
        "created_at": "2026-11-20T12:00:00Z",
        "reserved_until": None,
        "opened_at": None,
        "stored_at": "2026-11-20T12:00:00Z",
        "expires_at": "2026-11-23T12:00:00Z",
        "retrieved_at": None,
        "cancelled_at": None,
        "returned_at": None,
        "held_at": None,
        "collected_by": None,
        "delegate": None,
    }
    assert declared(api.get(f"/packages/{package.pk}"), 200, PackageOut) == body


def test_assign_tells_shops_the_code_while_it_is_stored(courier: Courier, location: Location) -> None:
    shop = courier_api(courier, codes_read=True)
    body = declared(shop.post("/lockers/assign", parcel(location)), 201, PackageOut)
    assert list(body) == [*PACKAGE_FIELDS, "pickup_code"]
    package = Package.objects.get()
    assert body["pickup_code"] == code_of(package)
    assert re.fullmatch(r"\d{8}", body["pickup_code"])
    for status in Status:
        other = make_package(courier, door(location, "L1"), status)
        shown = declared(shop.get(f"/packages/{other.pk}"), 200, PackageOut)
        assert ("pickup_code" in shown) == (status == Status.STORED)
        Package.objects.filter(pk=other.pk).delete()


def test_reserve_then_deposit(api: Api, location: Location, courier: Courier) -> None:
    body = declared(
        api.post("/lockers/assign", parcel(location, deposited=False, reserve_minutes=45)), 201, PackageOut
    )
    assert (body["status"], body["reserved_until"]) == ("PENDING", "2026-11-20T12:45:00Z")
    assert body["stored_at"] is body["expires_at"] is None
    assert body["compartment"]["label"] == "S1"
    stored = declared(api.post(f"/packages/{body['id']}/deposit"), 200, PackageOut)
    assert (stored["status"], stored["reserved_until"]) == ("STORED", None)
    assert stored["expires_at"] == "2026-11-23T12:00:00Z"
    problem = refused(api.post(f"/packages/{body['id']}/deposit"), 409, "wrong_status")
    assert problem["package_status"] == "STORED"


def test_reserve_for_half_an_hour_unless_told(courier: Courier, location: Location) -> None:
    shop = courier_api(courier, codes_read=True)
    body = declared(shop.post("/lockers/assign", parcel(location, deposited=False)), 201, PackageOut)
    assert body["reserved_until"] == "2026-11-20T12:30:00Z"
    assert "pickup_code" not in body
    assert "pickup_code" in shop.post(f"/packages/{body['id']}/deposit").json()


@pytest.mark.parametrize(
    ("edges", "weight", "size"),
    [
        ((80, 380, 640), None, "SMALL"),
        ((640, 80, 380), 2000, "SMALL"),
        ((81, 380, 640), None, "MEDIUM"),
        ((10, 10, 10), 2001, "MEDIUM"),
        ((190, 380, 640), 10_000, "MEDIUM"),
        ((191, 380, 640), None, "LARGE"),
        ((10, 10, 641), None, None),
        ((411, 381, 10), None, "LARGE"),
        ((411, 411, 10), None, None),
        ((10, 10, 10), 30_000, "LARGE"),
        ((10, 10, 10), 30_001, None),
    ],
)
def test_dimensions_choose_the_size(
    api: Api, location: Location, edges: tuple[int, int, int], weight: int | None, size: str | None
) -> None:
    dimensions = dict(zip(("length_mm", "width_mm", "height_mm"), edges, strict=True))
    more: dict[str, Any] = {} if weight is None else {"weight_g": weight}
    response = api.post("/lockers/assign", parcel(location, size=None, dimensions=dimensions, **more))
    if size is None:
        refused(response, 422, "fits_no_compartment")
        assert not Package.objects.exists()
    else:
        assert declared(response, 201, PackageOut)["size"] == size


def test_what_fits_nowhere_uses_its_key_up_like_every_refusal(api: Api, location: Location) -> None:
    too_large = {"length_mm": 641, "width_mm": 641, "height_mm": 641}
    body = parcel(location, "T-1", size=None, dimensions=too_large)
    first = api.post("/lockers/assign", body, key="k-1")
    refused(first, 422, "fits_no_compartment")
    again = api.post("/lockers/assign", body, key="k-1")
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    refused(api.post("/lockers/assign", parcel(location, "T-1"), key="k-1"), 422, "idempotency_key_reused")
    assert not Package.objects.exists()


def test_a_heavy_one_gets_a_larger_door_than_it_asked_for(api: Api, location: Location) -> None:
    body = declared(api.post("/lockers/assign", parcel(location, weight_g=2001)), 201, PackageOut)
    assert body["size"] == body["compartment"]["size"] == "MEDIUM"


def test_a_small_one_in_a_medium_door_stays_small(api: Api, location: Location) -> None:
    Compartment.objects.filter(size=1).update(occupancy="occupied")
    body = declared(api.post("/lockers/assign", parcel(location)), 201, PackageOut)
    assert (body["size"], body["compartment"]["size"]) == ("SMALL", "MEDIUM")


def test_a_recipient_with_either_address_and_a_language(api: Api, location: Location) -> None:
    for recipient in (
        {"name": "Mari", "email": "mari@example.com"},
        {"name": "Jüri Õun", "phone": "+3725551234", "language": "et"},
    ):
        body = {**parcel(location), "recipient": recipient}
        package = Package.objects.get(pk=declared(api.post("/lockers/assign", body), 201, PackageOut)["id"])
        assert package.recipient.name == recipient["name"]
        assert package.recipient.language == recipient.get("language", "en")


def test_unknown_location(api: Api) -> None:
    refused(api.post("/lockers/assign", parcel("NOWHERE")), 404, "unknown_location")


def test_suspended_location(api: Api, location: Location) -> None:
    location.suspend(reason="flood", now=NOW)
    refused(api.post("/lockers/assign", parcel(location)), 409, "location_suspended")


def test_duplicate_tracking_number(api: Api, location: Location) -> None:
    first = api.post("/lockers/assign", parcel(location, "T-1")).json()
    problem = refused(api.post("/lockers/assign", parcel(location, "T-1")), 409, "duplicate_tracking_number")
    assert problem["package_id"] == first["id"]


def test_a_full_location_names_the_nearest_with_room(api: Api) -> None:
    tallinn, riga, tartu, vilnius = (
        make_location(code, small=1, medium=0, large=0, latitude=lat, longitude=lon)
        for code, lat, lon in (
            ("TLL-1", 59.437, 24.753),
            ("RIX-1", 56.949, 24.105),
            ("TAY-1", 58.378, 26.729),
            ("VNO-1", 54.687, 25.279),
        )
    )
    api.post("/lockers/assign", parcel(tartu))
    api.post("/lockers/assign", parcel(tallinn))
    before = database_now().replace(microsecond=0)
    problem = refused(api.post("/lockers/assign", parcel(tallinn)), 409, "location_full")
    assert before <= datetime.fromisoformat(problem["as_of"]) <= database_now()
    assert [set(place) for place in problem["alternatives"]] == [
        {"location", "name", "distance_km", "available"}
    ] * 2
    assert [place["location"] for place in problem["alternatives"]] == ["RIX-1", "VNO-1"]
    assert problem["alternatives"][0] == {
        "location": "RIX-1",
        "name": "Place RIX-1",
        "distance_km": pytest.approx(279, abs=2),
        "available": 1,
    }
    assert Package.objects.count() == 2
    assert {riga, vilnius}  # nothing lies there


def test_a_full_location_that_nobody_can_place_names_none(api: Api) -> None:
    location = make_location(small=0, medium=0, large=0)
    assert refused(api.post("/lockers/assign", parcel(location)), 409, "location_full")["alternatives"] == []
