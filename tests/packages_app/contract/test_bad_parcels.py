"""Invalid drop-offs: never a server error, nothing stored, and a code for each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from lockers.models import Location
from packages_app.models import Package
from tests.packages_app.contract.bad import BAD_JSON, INVALID, changed, check, raw, stored
from tests.world import (
    Api,
)

pytestmark = pytest.mark.django_db

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
    *(
        (f"channels {channels!r}", changed(recipient__channels=channels), f"recipient.channels{place}")
        for channels, place in (
            ([], ""),
            ("email", ""),
            ({"email": True}, ""),
            (["email", "email"], ""),
            (["sms", "email", "sms"], ""),
            (["push"], ".0"),
            (["email", None], ".1"),
            (["EMAIL"], ".0"),
        )
    ),
    ("channels without phone", changed(recipient__channels=["sms"], recipient__phone=...), "recipient"),
    (
        "channels without e-mail",
        changed(recipient__channels=["sms", "email"], recipient__email=None),
        "recipient",
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
