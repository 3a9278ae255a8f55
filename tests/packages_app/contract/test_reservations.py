"""Reserved compartments, as couriers and kiosks see them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from lockers.models import Location
from packages_app.api.schemas.packages import PackageOut
from packages_app.models import Package
from tests.packages_app.contract.answers import declared, refused
from tests.world import (
    Api,
    door,
    kiosk_api,
    make_courier,
    make_kiosk,
    make_location,
    make_package,
    parcel,
)

pytestmark = pytest.mark.django_db

CALLS: list[tuple[str, Any]] = [("open", None), ("found", {"outcome": "stays"})]


def test_reserve_ahead_then_open_then_deposit(api: Api, location: Location, screen: Api) -> None:
    ahead = parcel(location, deposited=False, open=False)
    body = declared(api.post("/lockers/assign", ahead), 201, PackageOut)
    assert body["opened_at"] is None
    opened = declared(screen.post(f"/packages/{body['id']}/open"), 200, PackageOut)
    assert (opened["status"], opened["opened_at"]) == ("PENDING", "2026-11-20T12:00:00Z")
    assert declared(api.post(f"/packages/{body['id']}/open", key="k"), 200, PackageOut) == opened
    assert declared(api.post(f"/packages/{body['id']}/deposit"), 200, PackageOut)["status"] == "STORED"
    refused(api.post(f"/packages/{body['id']}/open"), 409, "wrong_status")


def test_open_at_once(api: Api, location: Location) -> None:
    at_the_door = parcel(location, deposited=False, open=True)
    body = declared(api.post("/lockers/assign", at_the_door), 201, PackageOut)
    assert body["opened_at"] == "2026-11-20T12:00:00Z"
    events = api.get(f"/packages/{body['id']}/events").json()["items"]
    assert [line["event"] for line in events] == ["assigned", "opened"]
    body = declared(api.post("/lockers/assign", parcel(location, open=True)), 201, PackageOut)
    assert (body["status"], body["opened_at"]) == ("STORED", None)


def test_what_is_deposited_was_not_left_shut(api: Api, location: Location) -> None:
    refused(api.post("/lockers/assign", parcel(location, open=False)), 422, "invalid_request")
    refused(api.post("/lockers/assign", parcel(location, deposited=False, open="no")), 422, "invalid_request")


@pytest.mark.parametrize(("outcome", "status"), [("stays", "STORED"), ("taken_out", "RETURNED")])
def test_found_in_its_door_after_all(api: Api, location: Location, outcome: str, status: str) -> None:
    body = declared(api.post("/lockers/assign", parcel(location, deposited=False)), 201, PackageOut)
    path = f"/packages/{body['id']}/found"
    refused(api.post(path, {"outcome": outcome}), 409, "wrong_status")
    assert api.post(f"/packages/{body['id']}/cancel").status_code == 200
    refused(api.post(path, {"outcome": "lost"}), 422, "invalid_request")
    found = declared(api.post(path, {"outcome": outcome}), 200, PackageOut)
    assert found["status"] == status
    assert (found["compartment"] is not None) == (outcome == "stays")


def test_found_is_replayed(api: Api, location: Location) -> None:
    body = api.post("/lockers/assign", parcel(location, deposited=False)).json()
    api.post(f"/packages/{body['id']}/cancel")
    first, second = (
        api.post(f"/packages/{body['id']}/found", {"outcome": "stays"}, key="k") for _ in range(2)
    )
    assert (first.status_code, first.content) == (200, second.content)
    assert second["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(("call", "body"), CALLS)
def test_a_foreign_and_a_missing_package_get_the_same_bytes(
    api: Api, location: Location, call: str, body: Any
) -> None:
    foreign = make_package(make_courier("gls"), door(location, "S1"), Package.Status.PENDING)
    answers = []
    for package_id in (foreign.pk, uuid.uuid4()):
        answer = api.post(f"/packages/{package_id}/{call}", body)
        refused(answer, 404, "unknown_package")
        answers.append(answer.content.replace(str(package_id).encode(), b"ID"))
    assert answers[0] == answers[1]
    assert not foreign.events.exists()


def test_a_kiosk_opens_at_its_own_location_only_and_finds_nothing(api: Api, location: Location) -> None:
    body = api.post("/lockers/assign", parcel(location, deposited=False, open=False)).json()
    elsewhere = kiosk_api(make_kiosk(make_location("TLL-2")))
    refused(elsewhere.post(f"/packages/{body['id']}/open"), 404, "unknown_package")
    here = kiosk_api(make_kiosk(location, "other screen"))
    refused(here.post(f"/packages/{body['id']}/found", {"outcome": "stays"}), 403, "missing_scope")
    assert Package.objects.get().opened_at is None


@pytest.mark.parametrize("package_id", ["1", "x", "%00", "0" * 32 + "x"])
@pytest.mark.parametrize(("call", "body"), CALLS)
def test_what_can_be_no_id_is_no_package(api: Api, package_id: str, call: str, body: Any) -> None:
    refused(api.post(f"/packages/{package_id}/{call}", body), 404, "unknown_package")


@pytest.mark.parametrize("body", [None, {}, {"outcome": None}, {"outcome": "stays", "why": "x"}, []])
def test_found_says_what_became_of_it(api: Api, location: Location, body: Any) -> None:
    package = api.post("/lockers/assign", parcel(location, deposited=False)).json()
    refused(api.post(f"/packages/{package['id']}/found", body), 422, "invalid_request")
