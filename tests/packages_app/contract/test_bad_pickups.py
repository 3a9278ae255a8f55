"""Invalid calls of kiosks: never a server error, nothing stored, and a code for each."""

from __future__ import annotations

from typing import Any

import pytest

from lockers.models import Kiosk, Location
from packages_app.models import Courier
from tests.packages_app.contract.bad import INVALID, check, stored
from tests.world import (
    Api,
    code_of,
    door,
    make_package,
)

pytestmark = pytest.mark.django_db

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
    ("code of 10 digits", {"code": "1234567890"}, (404, "unknown_code")),
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
