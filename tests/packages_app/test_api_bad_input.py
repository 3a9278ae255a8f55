"""What outsiders may send by mistake or malice: never a fault of ours, nothing stored, a named code."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from lockers.models import Kiosk, Location
from packages_app.lifecycle import Status
from packages_app.models import Courier, Package
from tests.world import (
    NOW,
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
)

pytestmark = pytest.mark.django_db

TABLES = [
    "packages_app_package",
    "packages_app_recipient",
    "packages_app_packageevent",
    "packages_app_idempotencykey",
    "packages_app_wrongcodetally",
    "lockers_compartment",
    "lockers_compartmentevent",
    "lockers_kiosk",
    "notifications_notification",
]
INVALID = (422, "invalid_request")
BAD_JSON = (400, "invalid_json")


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def location() -> Location:
    return make_location()


@pytest.fixture
def courier() -> Courier:
    return make_courier()


@pytest.fixture
def api(courier: Courier) -> Api:
    return courier_api(courier, codes_read=True)


@pytest.fixture
def screen(location: Location) -> Api:
    return kiosk_api(make_kiosk(location))


def stored() -> list[Any]:
    """Every row that a call could change."""
    found = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found.append((table, cursor.fetchall()))
    return found


def check(response: Any, status: int, code: str) -> Any:
    """A problem document with this status and code."""
    assert response["Content-Type"] == "application/problem+json", response.content
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    if code == "invalid_request":
        assert body["errors"]
        assert all(set(error) == {"field", "message"} and error["message"] for error in body["errors"])
    return body


def changed(**changes: Any) -> Any:
    """A good parcel with these members instead; `_` in a name stands for a step inwards, `...` for none."""
    body = parcel("TLL-1", "T-1")
    for path, value in changes.items():
        *outer, name = path.split("__")
        inner = body
        for step in outer:
            inner = inner[step]
        if value is ...:
            del inner[name]
        else:
            inner[name] = value
    return body


def raw(before: str, after: str, **changes: Any) -> bytes:
    """A good parcel's text with one place replaced: what no JSON library would write."""
    text = json.dumps(changed(**changes))
    assert before in text
    return text.replace(before, after, 1).encode("utf-8", errors="surrogatepass")


NO_LENGTHS: list[Any] = [0, -5, True, "1", 1.5, None, 10_001, 2**31, 2**63, 10**20, [], {}]
FIELDS: list[tuple[str, Any, str]] = [
    # location
    ("location missing", changed(location=...), "location"),
    ("location null", changed(location=None), "location"),
    ("location a number", changed(location=7), "location"),
    ("location a list", changed(location=["TLL-1"]), "location"),
    ("location empty", changed(location=""), "location"),
    ("location 41 characters", changed(location="x" * 41), "location"),
    ("location NUL", changed(location="TLL\x00-1"), "location"),
    # tracking number
    ("tracking number missing", changed(tracking_number=...), "tracking_number"),
    ("tracking number empty", changed(tracking_number=""), "tracking_number"),
    ("tracking number spaces", changed(tracking_number="   "), "tracking_number"),
    ("tracking number zero width", changed(tracking_number="\u200b"), "tracking_number"),
    ("tracking number zero width within", changed(tracking_number="T\u200b1"), "tracking_number"),
    ("tracking number turned round", changed(tracking_number="T\u202e1"), "tracking_number"),
    ("tracking number byte order mark", changed(tracking_number="\ufeffT1"), "tracking_number"),
    ("tracking number NUL", changed(tracking_number="T\x001"), "tracking_number"),
    ("tracking number line break", changed(tracking_number="T\n1"), "tracking_number"),
    ("tracking number 41 characters", changed(tracking_number="x" * 41), "tracking_number"),
    ("tracking number a number", changed(tracking_number=1), "tracking_number"),
    ("tracking number surrogate", raw('"T-1"', '"\\ud800"'), "tracking_number"),
    # size, dimensions, weight
    ("size and dimensions missing", changed(size=...), "body"),
    ("size null", changed(size=None), "body"),
    ("size -5", changed(size=-5), "size"),
    ("size 0", changed(size=0), "size"),
    ("size 1", changed(size=1), "size"),
    ('size "1"', changed(size="1"), "size"),
    ("size true", changed(size=True), "size"),
    ("size 1.5", changed(size=1.5), "size"),
    ("size small", changed(size="small"), "size"),
    ("size HUGE", changed(size="HUGE"), "size"),
    ("size a list", changed(size=["SMALL"]), "size"),
    ("both size and dimensions", changed(dimensions={"length_mm": 1, "width_mm": 1, "height_mm": 1}), "body"),
    *(
        (
            f"length {length!r}",
            changed(size=..., dimensions={"length_mm": length, "width_mm": 1, "height_mm": 1}),
            "dimensions.length_mm",
        )
        for length in NO_LENGTHS
    ),
    (
        "length 1e308",
        raw("771", "1e308", size=..., dimensions={"length_mm": 771, "width_mm": 1, "height_mm": 1}),
        "dimensions.length_mm",
    ),
    (
        "length 1e400",
        raw("771", "1e400", size=..., dimensions={"length_mm": 771, "width_mm": 1, "height_mm": 1}),
        "dimensions.length_mm",
    ),
    ("a dimension missing", changed(size=..., dimensions={"length_mm": 1}), "dimensions.width_mm"),
    ("dimensions a list", changed(size=..., dimensions=[1, 1, 1]), "dimensions"),
    (
        "a fourth dimension",
        changed(size=..., dimensions={"length_mm": 1, "width_mm": 1, "height_mm": 1, "depth_mm": 1}),
        "dimensions.depth_mm",
    ),
    *(
        (f"weight {weight!r}", changed(weight_g=weight), "weight_g")
        for weight in (0, -1, 2**31, True, "1", 1.5)
    ),
    # recipient
    ("recipient missing", changed(recipient=...), "recipient"),
    ("recipient a string", changed(recipient="Mari"), "recipient"),
    ("recipient unknown member", changed(recipient__id=1), "recipient.id"),
    ("name missing", changed(recipient__name=...), "recipient.name"),
    ("name empty", changed(recipient__name=" "), "recipient.name"),
    ("name 101 characters", changed(recipient__name="x" * 101), "recipient.name"),
    ("name NUL", changed(recipient__name="Ma\x00ri"), "recipient.name"),
    ("name surrogate", raw('"Mari Maasikas"', '"\\udfff"'), "recipient.name"),
    ("no address", changed(recipient__email=..., recipient__phone=...), "recipient"),
    ("null addresses", changed(recipient__email=None, recipient__phone=None), "recipient"),
    *(
        (f"e-mail {email!r}", changed(recipient__email=email), "recipient.email")
        for email in (
            "",
            "mari",
            "mari@",
            "@example.com",
            "mari@example.com\r\nBcc: all@example.com",
            "mari@example.com\n",
            "mari@example.com, juri@example.com",
            "Mari <mari@example.com>",
            "mari@example.com\x00",
            "mari\u200b@example.com",
            "x" * 250 + "@example.com",
            7,
            ["mari@example.com"],
        )
    ),
    *(
        (f"phone {phone!r}", changed(recipient__phone=phone), "recipient.phone")
        for phone in (
            "",
            "5551234",
            "+372 555 1234",
            "+372-5551234",
            "003725551234",
            "+3725551234;ext=5",
            "tel:+3725551234",
            "+37255512341234567",
            "+1",
            "+٣٧٢٥٥٥١٢٣٤",
            "+3725551234\n",
            "+372\x005551234",
            3725551234,
        )
    ),
    ("language xx", changed(recipient__language="xx"), "recipient.language"),
    ("language null", changed(recipient__language=None), "recipient.language"),
    # switches and reservation
    ('accessible "true"', changed(accessible="true"), "accessible"),
    ("accessible 1", changed(accessible=1), "accessible"),
    ("deposited null", changed(deposited=None), "deposited"),
    ("deposited 0", changed(deposited=0), "deposited"),
    *(
        (f"reserve {minutes!r}", changed(reserve_minutes=minutes), "reserve_minutes")
        for minutes in (0, -1, 1441, 2**63, 10**20, 1.5, "30", True, None)
    ),
    # more than was asked for
    *(
        (f"unknown {name}", changed(**{name: "x"}), name)
        for name in ("status", "id", "courier", "courier_id", "expires_at", "pickup_code", "x" * 1000)
    ),
    ("unknown surrogate", raw('"size"', '"\\ud800"'), "body"),
    # no object
    ("array", [], "body"),
    ("array of parcels", [changed()], "body"),
    ("string", '"x"', "body"),
    ("number", "7", "body"),
    ("null", "null", "body"),
    ("true", "true", "body"),
    ("empty object", {}, "location"),
]


@pytest.mark.parametrize(("body", "field"), [case[1:] for case in FIELDS], ids=[case[0] for case in FIELDS])
def test_assign_names_the_field(api: Api, location: Location, body: Any, field: str) -> None:
    before = stored()
    answer = api.post("/lockers/assign", body, key="k-1")
    problem = check(answer, *INVALID)
    assert field in [error["field"] for error in problem["errors"]]
    assert stored() == before


BODIES: list[tuple[str, bytes, dict[str, str], tuple[int, str]]] = [
    ("empty", b"", {}, INVALID),
    ("blank", b"  ", {}, BAD_JSON),
    ("broken", b'{"location": ', {}, BAD_JSON),
    ("two documents", b"{}{}", {}, BAD_JSON),
    ("single quotes", b"{'location': 'TLL-1'}", {}, BAD_JSON),
    ("trailing comma", b'{"location": "TLL-1",}', {}, BAD_JSON),
    ("NaN", raw('"SMALL"', "NaN"), {}, BAD_JSON),
    ("Infinity", raw('"SMALL"', "Infinity"), {}, BAD_JSON),
    ("-Infinity", raw('"SMALL"', "-Infinity"), {}, BAD_JSON),
    ("5,000 digits", raw('"SMALL"', "9" * 5000), {}, BAD_JSON),
    ("raw NUL in a string", raw("T-1", "T\x001"), {}, BAD_JSON),
    ("raw NUL alone", b"\x00", {}, BAD_JSON),
    ("deep arrays", b"[" * 30_000 + b"]" * 30_000, {}, BAD_JSON),
    ("deep objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}, BAD_JSON),
    ("byte order mark", b"\xef\xbb\xbf" + raw("T-1", "T-1"), {}, BAD_JSON),
    ("UTF-16", json.dumps(changed()).encode("utf-16"), {}, (415, "unsupported_media_type")),
    ("UTF-16 without mark", json.dumps(changed()).encode("utf-16-le"), {}, (415, "unsupported_media_type")),
    ("UTF-32", json.dumps(changed()).encode("utf-32"), {}, (415, "unsupported_media_type")),
    ("Latin-1", raw("Mari Maasikas", "J") + b"\xfc", {}, (415, "unsupported_media_type")),
    ("not UTF-8", b"\xff\xfe\xfd", {}, (415, "unsupported_media_type")),
    ("raw surrogate", raw("T-1", "\ud800"), {}, (415, "unsupported_media_type")),
    ("XML", b"<parcel/>", {"Content-Type": "application/xml"}, (415, "unsupported_media_type")),
    ("text", raw("T-1", "T-1"), {"Content-Type": "text/plain"}, (415, "unsupported_media_type")),
    ("too large", b" " * 65_537, {}, (413, "body_too_large")),
    ("much too large", b'{"location": "' + b"x" * 1_000_000 + b'"}', {}, (413, "body_too_large")),
]


@pytest.mark.parametrize(
    ("body", "headers", "expected"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES]
)
def test_bodies_that_are_no_json(
    api: Api, location: Location, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    before = stored()
    content_type = headers.get("Content-Type", "application/json")
    answer = api.client.post(
        "/api/v1/lockers/assign",
        body,
        content_type=content_type,
        headers={"Authorization": f"Bearer {api.key}", "Idempotency-Key": "k-1"},
    )
    check(answer, *expected)
    assert stored() == before


@pytest.mark.parametrize("call", ["deposit", "return", "resend-code"])
@pytest.mark.parametrize("body", [b"[" * 30_000, b"{", b"\xff", b"9" * 5000, b"null", b'{"x": 1}'])
def test_calls_that_need_no_body_take_none_amiss(
    api: Api, location: Location, courier: Courier, call: str, body: bytes
) -> None:
    status = {"deposit": Status.PENDING, "return": Status.EXPIRED, "resend-code": Status.STORED}[call]
    package = make_package(courier, door(location, "S1"), status)
    first = api.post(f"/packages/{package.pk}/{call}", body, key="k")
    assert first.status_code in (200, 202), first.content
    assert api.post(f"/packages/{package.pk}/{call}", body, key="k").content == first.content


@pytest.mark.parametrize("call", ["deposit", "return", "resend-code", "cancel"])
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
    ("extend", '{"hours": 1e2}', INVALID),
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


PICKUPS: list[tuple[str, Any, tuple[int, str]]] = [
    ("no body", None, INVALID),
    ("no code", {}, INVALID),
    ("code null", {"code": None}, INVALID),
    ("code a number", {"code": 12345678}, INVALID),
    ("code a list", {"code": ["12345678"]}, INVALID),
    ("code empty", {"code": ""}, INVALID),
    ("code 41 characters", {"code": "1" * 41}, INVALID),
    ("code surrogate", '{"code": "\\ud800"}', INVALID),
    ("code NUL", {"code": "1234\x005678"}, (404, "unknown_code")),
    ("code of 7 digits", {"code": "1234567"}, (404, "unknown_code")),
    ("code of 9 digits", {"code": "123456789"}, (404, "unknown_code")),
    ("code of other digits", {"code": "١٢٣٤٥٦٧٨"}, (404, "unknown_code")),
    *(
        (f"phone {digits!r}", {"code": "12345678", "phone_last4": digits}, INVALID)
        for digits in ("123", "12345", "abcd", "", "12 4", "1234\n", "١٢٣٤", 1234)
    ),
    *(
        (f"nonce {nonce!r}", {"code": "12345678", "nonce": nonce}, INVALID)
        for nonce in ("", "a b", "x" * 65, "é", "a\n", "\x00", 7)
    ),
    *(
        (f"compartment {number!r}", {"code": "12345678", "compartment": number}, INVALID)
        for number in (0, -1, 2**63, 10**20, "1", 1.5, True)
    ),
    ("unknown member", {"code": "12345678", "location": "RIX-1"}, INVALID),
]


@pytest.mark.parametrize(
    ("body", "expected"), [case[1:] for case in PICKUPS], ids=[case[0] for case in PICKUPS]
)
def test_pickups_that_are_not_understood(
    screen: Api, location: Location, body: Any, expected: tuple[int, str]
) -> None:
    before = stored()
    check(screen.post("/pickup", body), *expected)
    if isinstance(body, dict) and isinstance(body.get("code"), str) and len(body) > 1:
        code = body.pop("code")
        check(screen.post(f"/pickup/{code}", body), *expected)
    assert stored() == before
    assert Kiosk.objects.get().wrong_codes_in_row == 0


@pytest.mark.parametrize("code", ["%00", "%ff", "1234567", "x" * 3000, "%F0%9F%92%A9", "..%2f..", "'--", "é"])
def test_pickup_codes_in_the_path_that_are_none(screen: Api, location: Location, code: str) -> None:
    before = stored()
    answer: Any = screen.client.post(
        f"/api/v1/pickup/{code}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {screen.key}"},
    )
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert stored() == before


def test_the_largest_compartment_number_is_no_fault(
    screen: Api, location: Location, courier: Courier
) -> None:
    code = code_of(make_package(courier, door(location, "S1")))
    check(screen.post("/pickup", {"code": code, "compartment": 2**63 - 1}), 404, "unknown_code")


def test_the_refusal_of_a_field_repeats_no_value(api: Api, location: Location) -> None:
    secret = "mari.secret@nowhere"
    answer = api.post("/lockers/assign", changed(recipient__email=secret, size=secret, weight_g=secret))
    check(answer, *INVALID)
    assert secret.encode() not in answer.content


def test_a_body_of_the_greatest_size_is_read(api: Api, location: Location) -> None:
    body = json.dumps(changed()).encode()
    answer = api.post("/lockers/assign", body + b" " * (65_536 - len(body)))
    assert answer.status_code == 201
    assert Package.objects.count() == 1


def test_json_as_curl_sends_it_by_default(api: Api, location: Location) -> None:
    answer = Client().post(
        "/api/v1/lockers/assign",
        json.dumps(changed()),
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": f"Bearer {api.key}"},
    )
    assert answer.status_code == 201
