"""The calls of kiosks: every field, status and code that they rely on."""

from __future__ import annotations

import pytest

from lockers.models import Kiosk, Location
from packages_app.api.schemas.kiosks import PickupOut
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, WrongCodeTally
from tests.packages_app.contract.answers import declared, refused
from tests.world import (
    NOW,
    Api,
    code_of,
    door,
    make_location,
    make_package,
    wrong_code,
)

pytestmark = pytest.mark.django_db


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
    """Wrong, used and canceled codes, another location's, and malformed ones get the same response."""
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
