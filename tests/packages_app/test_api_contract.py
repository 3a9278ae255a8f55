"""The contract of the courier and kiosk calls: every field, status and code, as outsiders rely on them."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from ninja import Schema

from lockers.models import Compartment, Kiosk, Location
from packages_app import operations
from packages_app.access import make_key, revoke
from packages_app.lifecycle import Status
from packages_app.models import ApiKey, Courier, Package, WrongCodeTally
from packages_app.problems import Problem
from packages_app.schemas import EventPage, PackageOut, PackagePage, PickupOut
from tests.world import (
    NOW,
    UNTIL,
    Api,
    code_of,
    courier_api,
    door,
    kiosk_api,
    make_courier,
    make_kiosk,
    make_location,
    make_package,
    parcel,
    wrong_code,
)

pytestmark = pytest.mark.django_db

PACKAGE_FIELDS = [
    "id",
    "tracking_number",
    "status",
    "size",
    "location",
    "compartment",
    "created_at",
    "reserved_until",
    "stored_at",
    "expires_at",
    "retrieved_at",
    "cancelled_at",
    "returned_at",
]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def location() -> Location:
    return make_location(time_zone="Europe/Tallinn")


@pytest.fixture
def courier() -> Courier:
    return make_courier()


@pytest.fixture
def api(courier: Courier) -> Api:
    return courier_api(courier)


@pytest.fixture
def kiosk(location: Location) -> Kiosk:
    return make_kiosk(location)


@pytest.fixture
def screen(kiosk: Kiosk) -> Api:
    return kiosk_api(kiosk)


def declared(response: Any, status: int, schema: type[Schema]) -> Any:
    """The body, which has this status and nothing that the schema does not declare."""
    body = response.json()
    assert response.status_code == status, body
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    schema.model_validate(body)
    assert set(body) <= set(schema.model_fields)
    return body


def refused(response: Any, status: int, code: str) -> Any:
    """The problem document of a refusal."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    Problem.model_validate(body)
    assert body["status"] == status
    assert body["type"] == f"/api/v1/docs/problems#{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"].startswith("/api/v1/")
    return body


# --- Drop-off --------------------------------------------------------------------------------------------


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
        "stored_at": "2026-11-20T12:00:00Z",
        "expires_at": "2026-11-23T12:00:00Z",
        "retrieved_at": None,
        "cancelled_at": None,
        "returned_at": None,
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
    problem = refused(api.post("/lockers/assign", parcel(tallinn)), 409, "location_full")
    assert problem["as_of"] == "2026-11-20T12:00:00Z"
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


# --- Changes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["too_small", "door_stuck", "not_empty", "damaged"])
def test_reassign(api: Api, location: Location, courier: Courier, reason: str) -> None:
    package = make_package(courier, door(location, "S1"))
    body = declared(api.post(f"/packages/{package.pk}/reassign", {"reason": reason}), 200, PackageOut)
    assert body["compartment"]["label"] == ("M1" if reason == "too_small" else "S2")
    assert body["status"] == "STORED"


def test_reassign_at_a_full_location(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "L1"))
    problem = refused(
        api.post(f"/packages/{package.pk}/reassign", {"reason": "too_small"}), 409, "location_full"
    )
    assert problem["alternatives"] == []
    make_package(courier, door(location, "L2"))
    refused(api.post(f"/packages/{package.pk}/reassign", {"reason": "damaged"}), 409, "location_full")
    assert door(location, "L1").out_of_service_at is None


@pytest.mark.parametrize("body", [None, {}, {"reason": "called off"}])
def test_cancel(api: Api, location: Location, courier: Courier, body: Any) -> None:
    package = make_package(courier, door(location, "S1"))
    answer = declared(api.post(f"/packages/{package.pk}/cancel", body), 200, PackageOut)
    assert (answer["status"], answer["cancelled_at"]) == ("CANCELLED", "2026-11-20T12:00:00Z")
    assert answer["compartment"]["label"] == "S1"
    assert package.events.get().reason == ("called off" if body else "")


def test_cancel_of_a_reservation_gives_the_door_up(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    answer = declared(api.post(f"/packages/{package.pk}/cancel"), 200, PackageOut)
    assert (answer["status"], answer["compartment"]) == ("CANCELLED", None)


def test_extend(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    answer = declared(api.post(f"/packages/{package.pk}/extend", {"hours": 24}), 200, PackageOut)
    assert answer["expires_at"] == "2026-11-24T12:00:00Z"


def test_extend_past_the_limit(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    assert api.post(f"/packages/{package.pk}/extend", {"hours": 168}).status_code == 200
    problem = refused(
        api.post(f"/packages/{package.pk}/extend", {"hours": 168}, key="k"), 409, "extension_limit"
    )
    assert problem["latest"] == "2026-12-04T12:00:00Z"
    again = api.post(f"/packages/{package.pk}/extend", {"hours": 168}, key="k")
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == problem


def test_return(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), Status.EXPIRED)
    answer = declared(api.post(f"/packages/{package.pk}/return"), 200, PackageOut)
    assert (answer["status"], answer["returned_at"]) == ("RETURNED", "2026-11-20T12:00:00Z")
    assert answer["compartment"] is None
    refused(api.post(f"/packages/{package.pk}/return"), 409, "wrong_status")


def test_resend_code(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    old = code_of(package)
    answer = declared(courier_api(courier).post(f"/packages/{package.pk}/resend-code"), 202, PackageOut)
    assert "pickup_code" not in answer
    assert code_of(package) != old
    shop = courier_api(courier, codes_read=True)
    answer = declared(shop.post(f"/packages/{package.pk}/resend-code"), 202, PackageOut)
    assert answer["pickup_code"] == code_of(package)


def test_resend_code_to_nobody(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    type(package.recipient).objects.update(email="", phone="")
    refused(api.post(f"/packages/{package.pk}/resend-code"), 409, "no_recipient_address")


CHANGES: list[tuple[str, Any]] = [
    ("deposit", None),
    ("reassign", {"reason": "damaged"}),
    ("cancel", None),
    ("extend", {"hours": 1}),
    ("return", None),
    ("resend-code", None),
]
READS = ["", "/events", "/notifications"]


@pytest.mark.parametrize(("call", "body"), CHANGES)
def test_a_foreign_and_a_missing_package_get_the_same_bytes(
    api: Api, location: Location, call: str, body: Any
) -> None:
    foreign = make_package(make_courier("gls"), door(location, "S1"))
    missing = uuid.uuid4()
    answers = []
    for package_id in (foreign.pk, missing):
        answer = api.post(f"/packages/{package_id}/{call}", body)
        refused(answer, 404, "unknown_package")
        answers.append(answer.content.replace(str(package_id).encode(), b"ID"))
    assert answers[0] == answers[1]
    assert Package.objects.get().updated_at == foreign.updated_at
    assert not foreign.events.exists()


@pytest.mark.parametrize("read", READS)
def test_a_foreign_package_cannot_be_read(api: Api, location: Location, read: str) -> None:
    foreign = make_package(make_courier("gls"), door(location, "S1"))
    missing = uuid.uuid4()
    answers = []
    for package_id in (foreign.pk, missing):
        answer = api.get(f"/packages/{package_id}{read}")
        refused(answer, 404, "unknown_package")
        answers.append(answer.content.replace(str(package_id).encode(), b"ID"))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("package_id", ["1", "-1", str(10**20), str(2**63), "x", "%00", "é", "0" * 32 + "x"])
@pytest.mark.parametrize(("call", "body"), CHANGES)
def test_what_can_be_no_id_is_no_package(api: Api, package_id: str, call: str, body: Any) -> None:
    refused(api.post(f"/packages/{package_id}/{call}", body), 404, "unknown_package")
    refused(api.get(f"/packages/{package_id}"), 404, "unknown_package")


def test_every_change_is_replayed(location: Location, courier: Courier) -> None:
    shop = courier_api(courier, codes_read=True)
    statuses = {
        "deposit": Status.PENDING,
        "return": Status.EXPIRED,
    }
    for number, (call, body) in enumerate(CHANGES):
        compartment = Compartment.objects.select_related("location").filter(occupancy="empty")[0]
        package = make_package(courier, compartment, statuses.get(call, Status.STORED))
        first = shop.post(f"/packages/{package.pk}/{call}", body, key=f"k-{number}")
        second = shop.post(f"/packages/{package.pk}/{call}", body, key=f"k-{number}")
        assert first.status_code < 300, first.content
        assert (second.status_code, second.content) == (first.status_code, first.content)
        assert "Idempotent-Replayed" not in first
        assert second["Idempotent-Replayed"] == "true"
        assert package.events.count() == 1


# --- Reading ---------------------------------------------------------------------------------------------


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


# --- Kiosk -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_path", [True, False])
def test_pickup(screen: Api, location: Location, courier: Courier, in_path: bool) -> None:
    package = make_package(courier, door(location, "S1"))
    code = code_of(package)
    response = screen.post(f"/pickup/{code}") if in_path else screen.post("/pickup", {"code": code})
    body = declared(response, 200, PickupOut)
    assert body == {
        "package_id": str(package.pk),
        "status": "RETRIEVED",
        "compartment": {"id": package.compartment_id, "locker": "A", "label": "S1", "size": "SMALL"},
    }


def test_pickup_as_people_read_it(screen: Api, location: Location, courier: Courier) -> None:
    for label, shape in (("S1", "{} {}"), ("S2", "{}-{}")):
        code = code_of(make_package(courier, door(location, label)))
        declared(screen.post("/pickup", {"code": shape.format(code[:4], code[4:])}), 200, PickupOut)
    code = code_of(make_package(courier, door(location, "M1")))
    declared(screen.post(f"/pickup/{code[:4]}%20{code[4:]}"), 200, PickupOut)


def test_every_wrong_code_looks_alike(screen: Api, location: Location, courier: Courier) -> None:
    """Wrong, used, cancelled, another location's, not eight digits: the same bytes."""
    used = code_of(make_package(courier, door(location, "S1"), Status.RETRIEVED))
    elsewhere = code_of(make_package(courier, door(make_location("RIX-1"), "S1")))
    answers = set()
    for code in (used, elsewhere, wrong_code(location), "1234567", "123456789", "hello"):
        for in_path in (True, False):
            Kiosk.objects.update(wrong_codes_in_row=0, locked_until=None)
            answer = screen.post(f"/pickup/{code}") if in_path else screen.post("/pickup", {"code": code})
            refused(answer, 404, "unknown_code")
            answers.add(answer.content)
    assert len(answers) == 1


def test_an_expired_one_says_so(screen: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), Status.EXPIRED)
    problem = refused(screen.post("/pickup", {"code": code_of(package)}), 409, "expired")
    assert "contact the courier" in problem["detail"]


def test_no_answer_repeats_the_code(screen: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), Status.EXPIRED)
    for code in (wrong_code(location), code_of(package)):
        answer = screen.post(f"/pickup/{code}")
        assert code.encode() not in answer.content
        assert answer.json()["instance"] == "/api/v1/pickup"


def test_too_many_attempts(screen: Api, location: Location, courier: Courier) -> None:
    right = code_of(make_package(courier, door(location, "S1")))
    wrong = wrong_code(location)
    for _ in range(5):
        refused(screen.post("/pickup", {"code": wrong}), 404, "unknown_code")
    for code in (wrong, right):
        answer = screen.post("/pickup", {"code": code})
        problem = refused(answer, 429, "too_many_attempts")
        assert answer["Retry-After"] == "31"
        assert problem["retry_after"] == 31


def test_phone_check(screen: Api, location: Location, courier: Courier) -> None:
    WrongCodeTally.objects.create(location=location, day=NOW.date(), failures=60)
    package = make_package(courier, door(location, "S1"))
    refused(screen.post("/pickup", {"code": code_of(package)}), 403, "phone_check_required")
    refused(screen.post("/pickup", {"code": code_of(package), "phone_last4": "0000"}), 404, "unknown_code")
    declared(screen.post("/pickup", {"code": code_of(package), "phone_last4": "1234"}), 200, PickupOut)


def test_nonce(screen: Api, location: Location, courier: Courier) -> None:
    code = code_of(make_package(courier, door(location, "S1")))
    first = screen.post("/pickup", {"code": code, "nonce": "n-1"})
    second = screen.post(f"/pickup/{code}", {"nonce": "n-1"})
    declared(first, 200, PickupOut)
    assert (second.status_code, second.content) == (200, first.content)
    refused(screen.post("/pickup", {"code": code, "nonce": "n-2"}), 404, "unknown_code")


def test_a_keypad_at_one_door(screen: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    code, own, other = code_of(package), package.compartment_id, door(location, "S2").pk
    refused(screen.post("/pickup", {"code": code, "compartment": other}), 404, "unknown_code")
    declared(screen.post("/pickup", {"code": code, "compartment": own}), 200, PickupOut)


# --- Keys ------------------------------------------------------------------------------------------------

COURIER_CALLS: list[tuple[str, str]] = [
    ("POST", "/lockers/assign"),
    *(("POST", f"/packages/{uuid.UUID(int=1)}/{call}") for call, _ in CHANGES),
    *(("GET", f"/packages/{uuid.UUID(int=1)}{read}") for read in READS),
    ("GET", "/packages"),
    ("GET", "/returns"),
]
KIOSK_CALLS = [("POST", "/pickup"), ("POST", "/pickup/12345678")]
ANY_KEY_CALLS = [("GET", "/locations"), ("GET", "/locations/TLL-1"), ("GET", "/lockers/status")]


def call(method: str, path: str, key: str | None, **headers: str) -> HttpResponse:
    """With an Authorization header of just this text."""
    more = headers if key is None else {"Authorization": key, **headers}
    client = Client(raise_request_exception=False)
    response: Any = client.generic(
        method, f"/api/v1{path}", b"{}", content_type="application/json", headers=more
    )
    return response  # type: ignore[no-any-return]


@pytest.mark.parametrize(("method", "path"), COURIER_CALLS + KIOSK_CALLS + ANY_KEY_CALLS)
def test_no_call_works_without_a_good_key(
    method: str, path: str, location: Location, courier: Courier, caplog: pytest.LogCaptureFixture
) -> None:
    """Why is told in the log; the answer is the same bytes for all."""
    _, unknown = make_key(courier=courier)
    ApiKey.objects.all().delete()
    revoked_key, revoked = make_key(courier=courier)
    revoke(revoked_key, now=NOW)
    _, expired = make_key(courier=courier, life=timedelta(seconds=0))
    sleeping = Courier.objects.create(code="asleep", name="x", active=False)
    _, inactive = make_key(courier=sleeping)
    answers = set()
    for key in (
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        f"Token {unknown}",
        "Bearer x",
        f"Bearer {unknown}",
        f"Bearer {revoked}",
        f"Bearer {expired}",
        f"Bearer {inactive}",
        f"Bearer {unknown} {unknown}",
        "Bearer plk_live_\x00_\x00_\x00",
    ):
        answer = call(method, path, key)
        refused(answer, 401, "invalid_key")
        assert answer["WWW-Authenticate"] == 'Bearer realm="Locker Portal"'
        answers.add(answer.content)
    assert len(answers) == 1
    reasons = [record.getMessage() for record in caplog.records if record.name == "packages_app.auth"]
    assert {reason.partition(": ")[2].split(" plk")[0].split(" ")[0] for reason in reasons} == {
        "malformed",
        "unknown",
        "revoked",
        "expired",
        "courier",
    }
    assert not any(key in caplog.text for key in (unknown, revoked, expired, inactive))


@pytest.mark.parametrize(("method", "path"), COURIER_CALLS)
def test_a_kiosk_is_no_courier(method: str, path: str, screen: Api) -> None:
    refused(call(method, path, f"Bearer {screen.key}"), 403, "missing_scope")


@pytest.mark.parametrize(("method", "path"), KIOSK_CALLS)
def test_a_courier_opens_no_doors(method: str, path: str, api: Api) -> None:
    refused(call(method, path, f"Bearer {api.key}"), 403, "missing_scope")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_in_any_case(scheme: str, api: Api) -> None:
    assert call("GET", "/returns", f"{scheme} {api.key}").status_code == 200


def test_a_key_in_the_query_is_no_key_and_is_not_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("api_key", "key", "token", "access_token"):
        refused(call("GET", f"/returns?{name}={api.key}", None), 401, "invalid_key")
    assert api.key not in caplog.text


def test_a_revoked_key_ends_with_the_next_request(courier: Courier) -> None:
    key, text = make_key(courier=courier)
    assert call("GET", "/returns", f"Bearer {text}").status_code == 200
    revoke(key, now=NOW)
    refused(call("GET", "/returns", f"Bearer {text}"), 401, "invalid_key")


def test_a_kiosk_sees_its_own_location_only(screen: Api) -> None:
    make_location("RIX-1")
    assert screen.get("/lockers/status", location="TLL-1").status_code == 200
    for missing in ("RIX-1", "NOWHERE"):
        refused(screen.get("/lockers/status", location=missing), 404, "unknown_location")
        refused(screen.get(f"/locations/{missing}"), 404, "unknown_location")


def test_a_forwarded_address_changes_nothing(api: Api) -> None:
    answer = call("GET", "/returns", f"Bearer {api.key}", **{"X-Forwarded-For": "10.0.0.1, evil"})
    assert answer.status_code == 200


def test_one_kiosk_s_lock_out_survives_a_flushed_cache(screen: Api, location: Location) -> None:
    for _ in range(5):
        screen.post("/pickup", {"code": wrong_code(location)})
    cache.clear()
    refused(screen.post("/pickup", {"code": wrong_code(location)}), 429, "too_many_attempts")


def test_expired_while_nobody_looked_then_extended(
    api: Api, screen: Api, location: Location, courier: Courier
) -> None:
    package = make_package(courier, door(location, "S1"))
    operations.expire(now=UNTIL)
    with time_machine.travel(UNTIL, tick=False):
        refused(screen.post("/pickup", {"code": code_of(package)}), 409, "expired")
        declared(api.post(f"/packages/{package.pk}/extend", {"hours": 2}), 200, PackageOut)
        declared(screen.post("/pickup", {"code": code_of(package)}), 200, PickupOut)
