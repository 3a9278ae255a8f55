"""A first-come user's day at a location of twenty small, twenty medium and twenty large doors."""

from __future__ import annotations

from typing import Any

import pytest

from packages_app.models import Package
from tests.world import (
    NOW,
    Api,
    code_of,
    courier_api,
    kiosk_api,
    make_courier,
    make_kiosk,
    make_location,
    parcel,
)

pytestmark = pytest.mark.django_db


def test_the_day(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    location = make_location("MAIN", small=20, medium=20, large=20)
    elsewhere = make_location("SIDE", small=1, medium=0, large=0)
    courier = courier_api(make_courier(), codes_read=True)
    screen, other_screen = kiosk_api(make_kiosk(location)), kiosk_api(make_kiosk(elsewhere))

    def order(size: str, count: int = 1, at: Any = location) -> list[Any]:
        answers: list[Any] = [courier.post("/lockers/assign", parcel(at, size=size)) for _ in range(count)]
        assert [answer.status_code for answer in answers] == [201] * count
        return [answer.json() for answer in answers]

    def free() -> list[int]:
        answer: Any = courier.get("/lockers/status", location="MAIN")
        return [size["available"] for size in answer.json()[0]["sizes"]]

    def opens(code: str, on: Api = screen) -> Any:
        return on.post("/pickup", {"code": code})

    # Customer 1 gets two small doors, customer 2 a medium one.
    assert free() == [20, 20, 20]
    first, second = order("SMALL", 2)
    (medium,) = order("MEDIUM")
    assert [one["compartment"]["size"] for one in (first, second, medium)] == ["SMALL", "SMALL", "MEDIUM"]
    assert len({one["compartment"]["id"] for one in (first, second, medium)}) == 3
    assert free() == [18, 19, 20]

    # Customer 1 opens the first with its code; its door is free again, the second stays closed.
    opened = opens(first["pickup_code"]).json()
    assert opened["package_id"] == first["id"]
    assert opened["compartment"] == first["compartment"]
    assert free() == [19, 19, 20]

    # Customer 3 orders five small ones, the freed door among them.
    five = order("SMALL", 5)
    assert all(one["compartment"]["size"] == "SMALL" for one in five)
    assert first["compartment"] in [one["compartment"] for one in five]
    assert len({one["compartment"]["id"] for one in five}) == 5
    assert second["compartment"] not in [one["compartment"] for one in five]
    assert free() == [14, 19, 20]

    # Refused: a code already used, a wrong code, another customer's code at a door, another location's code.
    taken = next(one for one in five if one["compartment"] == first["compartment"])
    for refused in (
        opens(first["pickup_code"]),
        opens(unused_code()),
        screen.post("/pickup", {"code": second["pickup_code"], "compartment": medium["compartment"]["id"]}),
        screen.post("/pickup", {"code": first["pickup_code"], "compartment": taken["compartment"]["id"]}),
        opens(second["pickup_code"], on=other_screen),
    ):
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_code")
    assert free() == [14, 19, 20]
    time_machine.shift(60)
    assert opens(taken["pickup_code"]).status_code == 200
    assert opens(second["pickup_code"]).status_code == 200

    # A small one goes into a medium door when small ones are out, then into a large one, never the reverse.
    small_left, medium_left, large_left = free()
    assert small_left == 16
    placed = order("SMALL", small_left + medium_left + large_left)
    sizes = [one["compartment"]["size"] for one in placed]
    assert sizes == ["SMALL"] * small_left + ["MEDIUM"] * medium_left + ["LARGE"] * large_left
    assert free() == [0, 0, 0]
    answer: Any = courier.post("/lockers/assign", parcel(location, size="SMALL"))
    assert (answer.status_code, answer.json()["code"]) == (409, "location_full")

    # A large one never goes down: only small and medium doors are free now.
    for one in (placed[0], placed[small_left]):
        assert opens(one["pickup_code"]).status_code == 200
    assert free() == [1, 1, 0]
    answer = courier.post("/lockers/assign", parcel(location, size="LARGE"))
    assert (answer.status_code, answer.json()["code"]) == (409, "location_full")
    assert order("MEDIUM")[0]["compartment"]["size"] == "MEDIUM"
    answer = courier.post("/lockers/assign", parcel(location, size="MEDIUM"))
    assert (answer.status_code, answer.json()["code"]) == (409, "location_full")
    assert order("SMALL")[0]["compartment"]["size"] == "SMALL"
    assert Package.objects.in_door().filter(location=location).count() == 60


def unused_code() -> str:
    """Eight digits that are nobody's."""
    codes = {code_of(package) for package in Package.objects.all()}
    return next(
        code for code in (f"{number:08d}" for number in range(31_415_926, 31_416_926)) if code not in codes
    )
