"""Other invalid calls: never a server error, nothing stored, and a code for each."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from lockers.models import Location
from packages_app.life.lifecycle import Status
from packages_app.models import Courier
from tests.packages_app.contract.bad import BAD_JSON, INVALID, changed, check, stored
from tests.world import (
    Api,
    door,
    make_package,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("call", ["deposit", "return", "resend-code", "release"])
@pytest.mark.parametrize("body", [b"[" * 30_000, b"{", b"\xff", b"9" * 5000, b"null", b'{"x": 1}'])
def test_calls_that_need_no_body_take_none_amiss(
    api: Api, location: Location, courier: Courier, call: str, body: bytes
) -> None:
    status = {"deposit": Status.PENDING, "return": Status.EXPIRED, "resend-code": Status.STORED}.get(
        call, Status.STORED
    )
    package = make_package(courier, door(location, "S1"), status)
    first = api.post(f"/packages/{package.pk}/{call}", body, key="k")
    assert first.status_code in (200, 202), first.content
    assert api.post(f"/packages/{package.pk}/{call}", body, key="k").content == first.content


@pytest.mark.parametrize("call", ["deposit", "return", "resend-code", "cancel", "hold", "release"])
def test_calls_that_need_no_body_take_no_large_one(
    api: Api, location: Location, courier: Courier, call: str
) -> None:
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    before = stored()
    check(api.post(f"/packages/{package.pk}/{call}", b" " * 65_537), 413, "body_too_large")
    assert stored() == before


CHANGE_BODIES: list[tuple[str, Any, tuple[int, str]]] = [
    ("reassign", None, INVALID),
    ("reassign", {}, INVALID),
    ("reassign", {"reason": "boredom"}, INVALID),
    ("reassign", {"reason": ""}, INVALID),
    ("reassign", {"reason": None}, INVALID),
    ("reassign", {"reason": ["damaged"]}, INVALID),
    ("reassign", {"reason": "DAMAGED"}, INVALID),
    ("reassign", {"reason": "damaged", "compartment": 7}, INVALID),
    ("cancel", "{", BAD_JSON),
    ("cancel", [], INVALID),
    ("cancel", {"reason": 7}, INVALID),
    ("cancel", {"reason": None}, INVALID),
    ("cancel", {"reason": "x" * 201}, INVALID),
    ("cancel", {"reason": "a\x00b"}, INVALID),
    ("cancel", {"reason": "a\nb"}, INVALID),
    ("cancel", '{"reason": "\\ud800"}', INVALID),
    ("cancel", {"why": "x"}, INVALID),
    ("extend", None, INVALID),
    ("extend", {}, INVALID),
    *(
        ("extend", {"hours": hours}, INVALID)
        for hours in (0, -1, 169, 2**31, 2**63, 10**20, 1.5, "24", True, None, [24])
    ),
    ("extend", '{"hours": 24.5}', INVALID),
    ("extend", '{"hours": 1e308}', INVALID),
    ("extend", '{"hours": 1e400}', INVALID),
    ("extend", '{"hours": NaN}', BAD_JSON),
    ("extend", {"hours": 24, "expires_at": "2030-01-01T00:00:00Z"}, INVALID),
]


@pytest.mark.parametrize(("call", "body", "expected"), CHANGE_BODIES)
def test_changes_that_are_not_understood(
    api: Api, location: Location, courier: Courier, call: str, body: Any, expected: tuple[int, str]
) -> None:
    package = make_package(courier, door(location, "S1"))
    before = stored()
    check(api.post(f"/packages/{package.pk}/{call}", body, key="k-1"), *expected)
    assert stored() == before


@pytest.mark.parametrize("hours", ["24", "24.0", "2.4e1"])
def test_a_whole_number_however_it_is_written(
    api: Api, location: Location, courier: Courier, hours: str
) -> None:
    package = make_package(courier, door(location, "S1"))
    assert api.post(f"/packages/{package.pk}/extend", f'{{"hours": {hours}}}').status_code == 200


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "x" * 256, "x" * 5000, "\x00", "a\x7f", "a\tb", "é", "\u200b", "k\x1b[31m"]
)
def test_idempotency_keys_that_are_none(api: Api, location: Location, courier: Courier, key: str) -> None:
    package = make_package(courier, door(location, "S1"))
    before = stored()
    check(api.post("/lockers/assign", changed(), key=key), 400, "invalid_idempotency_key")
    check(api.post(f"/packages/{package.pk}/cancel", key=key), 400, "invalid_idempotency_key")
    assert stored() == before


QUERIES: list[tuple[str, str, tuple[int, str]]] = [
    *(
        (path, f"limit={limit}", INVALID)
        for path in ("/returns", "/packages", "/locations")
        for limit in ("-1", "0", "101", "1000000", str(10**20), "1.5", "x", "", "NaN", "%00")
    ),
    *(
        (path, f"cursor={cursor}", INVALID)
        for path in ("/returns", "/packages", "/locations")
        for cursor in ("x", "%00", "é", "a:b:c", "x" * 1001, "WyJhIl0:abc")
    ),
    ("/returns", "location=%00", INVALID),
    ("/returns", "location=", INVALID),
    ("/returns", "location=" + "x" * 41, INVALID),
    ("/returns", "location=x", (404, "unknown_location")),
    ("/packages", "status=LOST", INVALID),
    ("/packages", "status=stored", INVALID),
    ("/packages", "tracking_number=" + "x" * 41, INVALID),
    ("/packages", "tracking_number=%00", INVALID),
    *(
        ("/packages", f"updated_since={moment}", INVALID)
        for moment in (
            "2026-11-20T12:00:00",
            "2026-11-20",
            "1700000000",
            "0001-01-01T00:00:00%2B14:00",
            "9999-99-99T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-20T25:00:00Z",
            "now",
            "",
            "%00",
        )
    ),
    ("/packages", "offset=-1", INVALID),
    ("/returns", "locaton=TLL-1", INVALID),
    ("/lockers/status", "location=%00", INVALID),
    ("/lockers/status", "location=x", (404, "unknown_location")),
    ("/locations", "near=1", INVALID),
    ("/locations", "near=NaN,1", INVALID),
    ("/locations", "near=91,1", INVALID),
    ("/locations", "near=1,1&radius_km=inf", INVALID),
    ("/locations", "near=1,1&radius_km=-1", INVALID),
    ("/locations", "size=HUGE", INVALID),
    ("/locations", "country=EST", INVALID),
    ("/locations/%00", "", (404, "unknown_location")),
    ("/locations/" + "x" * 2000, "", (404, "unknown_location")),
]


@pytest.mark.parametrize(("path", "query", "expected"), QUERIES)
def test_questions_that_are_not_understood(
    api: Api, location: Location, path: str, query: str, expected: tuple[int, str]
) -> None:
    answer = api.client.get(f"/api/v1{path}?{query}", headers={"Authorization": f"Bearer {api.key}"})
    check(answer, *expected)


def test_a_cursor_of_another_list_is_none(api: Api, location: Location, courier: Courier) -> None:
    packages = [make_package(courier, door(location, label), Status.EXPIRED) for label in ("S1", "S2")]
    for package in packages:
        package.events.create(event="expired", from_status="STORED", to_status="EXPIRED", by="x")
        package.events.create(event="extended", from_status="EXPIRED", to_status="STORED", by="x")
    of_returns = api.get("/returns", limit=1).json()["next_cursor"]
    of_events = api.get(f"/packages/{packages[0].pk}/events", limit=1).json()["next_cursor"]
    assert of_returns
    assert of_events
    check(api.get("/returns", cursor=of_events), *INVALID)
    check(api.get(f"/packages/{packages[0].pk}/events", cursor=of_returns), *INVALID)
    check(api.get("/returns", cursor=of_returns[:-1]), *INVALID)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/lockers/assign", 405, "method_not_allowed"),
        ("PUT", "/lockers/assign", 405, "method_not_allowed"),
        ("DELETE", f"/packages/{uuid.UUID(int=1)}", 405, "method_not_allowed"),
        ("PATCH", f"/packages/{uuid.UUID(int=1)}", 405, "method_not_allowed"),
        ("TRACE", "/lockers/assign", 405, "method_not_allowed"),
        ("BREW", "/pickup", 405, "method_not_allowed"),
        ("GET", "/pickup/12345678", 405, "method_not_allowed"),
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/lockers", 404, "not_found"),
        ("POST", "/lockers/assign/", 404, "not_found"),
        ("POST", f"/packages/{uuid.UUID(int=1)}/explode", 404, "not_found"),
        ("POST", "/pickup/", 404, "not_found"),
        ("POST", "/pickup/1/2/3", 404, "not_found"),
    ],
)
def test_addresses_and_methods_that_there_are_not(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    answer: Any = api.client.generic(method, f"/api/v1{path}", headers={"Authorization": f"Bearer {api.key}"})
    if status == 404 and answer.status_code == 404:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] in (code, "unknown_package")
        return
    check(answer, status, code)
    assert answer["Allow"]
