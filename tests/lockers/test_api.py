"""The locations API, as couriers and kiosks see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lockers import availability
from lockers.models import Compartment, Location, Size
from tests.world import Api, courier_api, door, kiosk_api, make_courier, make_kiosk, make_location

pytestmark = pytest.mark.django_db
NAMES = ("total", "available", "reserved", "occupied", "out_of_service", "unverified")


@pytest.fixture
def courier() -> Api:
    return courier_api(make_courier())


def answer(response: Any, status: int = 200) -> Any:
    """Return the body, after checking its status and media type."""
    assert response.status_code == status, response.content
    kind = "application/json" if status == 200 else "application/problem+json"
    assert response["Content-Type"].split(";")[0] == kind
    return json.loads(response.content)


def refused_field(response: Any) -> str:
    """Return the only field that a 422 names."""
    problem = answer(response, 422)
    assert problem["code"] == "invalid_request"
    (error,) = problem["errors"]
    assert error["message"]
    field: str = error["field"]
    return field


def codes(response: Any) -> list[str]:
    return [item["code"] for item in answer(response)["items"]]


class TestStatus:
    def test_counts_by_size_and_status(self, courier: Api) -> None:
        location = make_location(small=6, medium=2, large=0)
        for label, occupancy in (
            ("S1", "reserved"),
            ("S2", "occupied"),
            ("S3", "unverified"),
            ("S4", "occupied"),
        ):
            location.compartments.filter(label=label).update(occupancy=occupancy)
        for label in ("S4", "S5"):
            door(location, label).take_out_of_service(by="x", reason="y", now=timezone.now())
        (item,) = answer(courier.get("/lockers/status", location=location.code))
        assert item.pop("as_of")
        assert item == {
            "location": "TLL-1",
            "sizes": [
                {"size": "SMALL", **dict(zip(NAMES, (6, 1, 1, 1, 2, 1), strict=True))},
                {"size": "MEDIUM", **dict(zip(NAMES, (2, 2, 0, 0, 0, 0), strict=True))},
                {"size": "LARGE", **dict.fromkeys(NAMES, 0)},
            ],
        }

    def test_the_counts_add_up_whatever_is_in_a_compartment_out_of_service(self, courier: Api) -> None:
        location = make_location(small=10, medium=0, large=0)
        doors = list(location.compartments.order_by("position"))
        for index, occupancy in enumerate(Compartment.Occupancy.values):
            for broken in (False, True):
                row = doors[index * 2 + broken]
                row.occupancy = occupancy
                row.save()
                if broken:
                    row.take_out_of_service(by="x", reason="y", now=timezone.now())
        small = answer(courier.get("/lockers/status", location=location.code))[0]["sizes"][0]
        shown = [str(row.status) for row in location.compartments.all()]
        assert {name: small[name] for name in NAMES[1:]} == {name: shown.count(name) for name in NAMES[1:]}
        assert small["total"] == sum(small[name] for name in NAMES[1:]) == 10

    def test_as_of_is_the_databases_clock_in_utc(self, courier: Api) -> None:
        location = make_location()
        as_of = answer(courier.get("/lockers/status", location=location.code))[0]["as_of"]
        assert as_of.endswith("Z")
        assert abs(datetime.fromisoformat(as_of) - datetime.now(UTC)) < timedelta(minutes=5)

    def test_one_location_is_read_together_with_the_key(
        self, courier: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        location = make_location()
        make_location("RIX-1")
        assert answer(courier.get("/lockers/status", location=f" {location.code} "))[0]["location"] == "TLL-1"
        monkeypatch.delattr(availability, "fetch")
        (item,) = answer(courier.get("/lockers/status", location=location.code))
        assert item["location"] == location.code
        assert [size["total"] for size in item["sizes"]] == [2, 2, 2]

    def test_two_locations_at_once_are_refused(self, courier: Api) -> None:
        make_location()
        make_location("RIX-1")
        both = courier.get("/lockers/status", location=["TLL-1", "RIX-1"])
        assert refused_field(both) == "location"

    def test_location_without_compartments(self, courier: Api) -> None:
        make_location("BARE", small=0, medium=0, large=0)
        sizes = answer(courier.get("/lockers/status", location="BARE"))[0]["sizes"]
        assert sizes == [{"size": size.name, **dict.fromkeys(NAMES, 0)} for size in Size]

    def test_whole_network_in_order_with_one_query_for_all(self, courier: Api) -> None:
        for code in ("C", "A", "B"):
            make_location(code)
        courier.get("/lockers/status")
        with CaptureQueriesContext(
            connection,
        ) as few:
            found = answer(courier.get("/lockers/status"))
        assert [item["location"] for item in found] == ["A", "B", "C"]
        assert all([size["total"] for size in item["sizes"]] == [2, 2, 2] for item in found)
        for index in range(20):
            make_location(f"D{index}")
        with CaptureQueriesContext(connection) as many:
            assert len(answer(courier.get("/lockers/status"))) == 23
        assert len(many) == len(few)

    def test_no_location_at_all(self, courier: Api) -> None:
        assert answer(courier.get("/lockers/status")) == []

    def test_kiosk_sees_its_own_and_no_other(self) -> None:
        mine = make_location("MINE")
        make_location("OTHER")
        kiosk = kiosk_api(make_kiosk(mine))
        assert [item["location"] for item in answer(kiosk.get("/lockers/status"))] == ["MINE"]
        assert [item["location"] for item in answer(kiosk.get("/lockers/status", location="MINE"))] == [
            "MINE"
        ]
        foreign = kiosk.get("/lockers/status", location="OTHER")
        missing = kiosk.get("/lockers/status", location="NO-SUCH")
        assert answer(foreign, 404)["code"] == "unknown_location"
        assert foreign.content == missing.content

    @pytest.mark.parametrize("code", ["NO-SUCH", "tll-1", "TLL-1'--", "Ä", "1" * 40, "%_"])
    def test_unknown(self, courier: Api, code: str) -> None:
        make_location()
        assert answer(courier.get("/lockers/status", location=code), 404)["code"] == "unknown_location"

    @pytest.mark.parametrize("code", ["", " ", "\0", "A\0", "A\nB", "A\u200b", "\ufeff", "x" * 41])
    def test_no_code_at_all(self, courier: Api, code: str) -> None:
        assert refused_field(courier.get("/lockers/status", location=code)) == "location"

    def test_unknown_parameter(self, courier: Api) -> None:
        assert refused_field(courier.get("/lockers/status", loc="TLL-1")) == "loc"

    def test_no_key(self) -> None:
        api = kiosk_api(make_kiosk(make_location()))
        for path in ("/lockers/status", "/locations", "/locations/TLL-1"):
            assert answer(Api("", api.client).get(path), 401)["code"] == "invalid_key"


class TestLocation:
    def test_everything_an_integrator_needs(self, courier: Api) -> None:
        location = make_location(
            "TLL-1",
            small=2,
            medium=1,
            large=0,
            name="Sikupilli / ärikeskus",
            country="EE",
            region="Harju maakond",
            city="Tallinn",
            address="Tartu mnt 87",
            latitude=59.426,
            longitude=24.785,
            time_zone="Europe/Tallinn",
            hold_days=5,
        )
        location.compartments.filter(label="S1").update(occupancy="occupied")
        body = answer(courier.get("/locations/TLL-1"))
        assert body.pop("as_of").endswith("Z")
        assert body == {
            "code": "TLL-1",
            "name": "Sikupilli / ärikeskus",
            "country": "EE",
            "region": "Harju maakond",
            "city": "Tallinn",
            "address": "Tartu mnt 87",
            "latitude": 59.426,
            "longitude": 24.785,
            "time_zone": "Europe/Tallinn",
            "hold_days": 5,
            "suspended": False,
            "sizes": [
                size("SMALL", 2, 1, 80, 2_000),
                size("MEDIUM", 1, 1, 190, 10_000),
                size("LARGE", 0, 0, 410, 30_000),
            ],
        }

    def test_without_coordinates_and_suspended(self, courier: Api) -> None:
        make_location().suspend(reason="a secret reason", now=timezone.now())
        response = courier.get("/locations/TLL-1")
        body = answer(response)
        assert (body["latitude"], body["longitude"], body["suspended"]) == (None, None, True)
        assert b"secret" not in response.content

    def test_kiosk_sees_its_own_and_no_other(self) -> None:
        mine = make_location("MINE")
        make_location("OTHER")
        kiosk = kiosk_api(make_kiosk(mine))
        assert answer(kiosk.get("/locations/MINE"))["code"] == "MINE"
        assert codes(kiosk.get("/locations")) == ["MINE"]
        foreign, missing = kiosk.get("/locations/OTHER"), kiosk.get("/locations/NONE")
        assert answer(foreign, 404)["code"] == answer(missing, 404)["code"] == "unknown_location"
        assert foreign.content.replace(b"OTHER", b"NONE") == missing.content

    @pytest.mark.parametrize("code", ["NO-SUCH", "\0", "A\0B", "ü", "..", "x" * 500, "' OR 1=1", "10" * 20])
    def test_unknown(self, courier: Api, code: str) -> None:
        response = courier.get("/locations/" + quote(code, safe=""))
        assert answer(response, 404)["code"] == "unknown_location"


def size(name: str, total: int, available: int, height_mm: int, max_weight_g: int) -> dict[str, Any]:
    return {
        "size": name,
        "total": total,
        "available": available,
        "height_mm": height_mm,
        "width_mm": 380,
        "depth_mm": 640,
        "max_weight_g": max_weight_g,
    }


class TestLocations:
    @pytest.fixture(autouse=True)
    def _places(self) -> None:
        make_location("EE-2", country="EE", city="Tallinn", latitude=59.43, longitude=24.75)
        make_location("EE-1", country="EE", city="Tartu", latitude=58.38, longitude=26.72, small=0)
        make_location("LV-1", country="LV", city="Rīga", latitude=56.95, longitude=24.1, small=0, medium=0)
        make_location("LT-1", country="LT", city="", small=1, medium=0, large=0)

    def test_all_by_code(self, courier: Api) -> None:
        body = answer(courier.get("/locations"))
        assert [item["code"] for item in body["items"]] == ["EE-1", "EE-2", "LT-1", "LV-1"]
        assert body["next_cursor"] is None
        assert all("distance_km" not in item and "sizes" not in item for item in body["items"])

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"country": "EE"}, ["EE-1", "EE-2"]),
            ({"country": "ee"}, ["EE-1", "EE-2"]),
            ({"country": "PL"}, []),
            ({"city": "Tallinn"}, ["EE-2"]),
            ({"city": "rīga"}, ["LV-1"]),
            ({"city": "T%"}, []),
            ({"city": "_artu"}, []),
            ({"country": "LV", "city": "Tartu"}, []),
            ({"size": "SMALL"}, ["EE-1", "EE-2", "LT-1", "LV-1"]),
            ({"size": "MEDIUM"}, ["EE-1", "EE-2", "LV-1"]),
            ({"size": "LARGE", "country": "EE"}, ["EE-1", "EE-2"]),
        ],
    )
    def test_filters(self, courier: Api, query: dict[str, str], found: list[str]) -> None:
        assert codes(courier.get("/locations", **query)) == found

    def test_size_means_room_now(self, courier: Api) -> None:
        Compartment.objects.filter(location__code="EE-1").update(occupancy="occupied")
        Location.objects.get(code="LV-1").suspend(reason="storm", now=timezone.now())
        assert codes(courier.get("/locations", size="LARGE")) == ["EE-2"]
        assert codes(courier.get("/locations")) == ["EE-1", "EE-2", "LT-1", "LV-1"]

    def test_near(self, courier: Api) -> None:
        items = answer(courier.get("/locations", near="56.95,24.1"))["items"]
        assert [(item["code"], item["distance_km"]) for item in items] == [
            ("LV-1", 0.0),
            ("EE-1", pytest.approx(223, abs=2)),
            ("EE-2", pytest.approx(278, abs=2)),
        ]
        assert codes(courier.get("/locations", near="56.95,24.1", radius_km="250")) == ["LV-1", "EE-1"]
        assert codes(courier.get("/locations", near="56.95,24.1", size="MEDIUM")) == ["LV-1", "EE-1", "EE-2"]
        assert codes(courier.get("/locations", near="56.95,24.1", radius_km="250", country="EE")) == ["EE-1"]

    @pytest.mark.parametrize("query", [{}, {"near": "56.95,24.1"}, {"size": "SMALL"}])
    def test_pages(self, courier: Api, query: dict[str, str]) -> None:
        whole = codes(courier.get("/locations", **query))
        found: list[str] = []
        cursor: dict[str, str] = {}
        for _ in whole:
            body = answer(courier.get("/locations", limit="1", **query, **cursor))
            found += [item["code"] for item in body["items"]]
            cursor = {"cursor": body["next_cursor"]}
        assert found == whole
        assert body["next_cursor"] is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(
                ("near", value)
                for value in ("", "1", "a,b", "nan,nan", "inf,0", "91,0", "0,181", "1,2,3", "\0", "1,1\0")
            ),
            *(
                ("limit", value)
                for value in ("0", "-1", "101", "1000000", str(10**20), "1.5", "x", "", "\u0661", "\0", "nan")
            ),
            *(("cursor", value) for value in ("", "x", "x:y", "\0", "🗝", "y" * 1001, "y" * 1000)),
            *(("size", value) for value in ("", "small", "XL", "1", "\0")),
            *(("country", value) for value in ("", "E", "EST", "E1", "\0\0", "ÖÖ", "EE\n")),
            *(("city", value) for value in ("", "  ", "A\0", "\0", "A\x1bB", "x" * 101, "A\u200eB", "\x7f")),
            ("offset", "1"),
            ("key", "plk_live_x"),
        ],
    )
    def test_invalid_parameters(self, courier: Api, name: str, value: str) -> None:
        assert refused_field(courier.get("/locations", **{name: value})) == name

    @pytest.mark.parametrize("radius", ["0", "-1", "nan", "inf", "-inf", "1e400", "20101", "x", "", "\0"])
    def test_invalid_radius(self, courier: Api, radius: str) -> None:
        assert refused_field(courier.get("/locations", near="1,1", radius_km=radius)) == "radius_km"

    def test_radius_without_near(self, courier: Api) -> None:
        assert refused_field(courier.get("/locations", radius_km="5")) == "radius_km"

    def test_refusals_repeat_no_value(self, courier: Api) -> None:
        response = courier.get("/locations", near="zzyzx", city="zzyzx\0", limit="zzyzx")
        assert {error["field"] for error in answer(response, 422)["errors"]} == {"near", "city", "limit"}
        assert b"zzyzx" not in response.content

    def test_cursor_of_another_order(self, courier: Api) -> None:
        cursor = answer(courier.get("/locations", limit="1"))["next_cursor"]
        assert refused_field(courier.get("/locations", near="1,1", cursor=cursor)) == "cursor"

    def test_as_many_queries_for_many(self, courier: Api) -> None:
        courier.get("/locations")
        count = query_counter(courier)
        few = count()
        for index in range(30):
            make_location(f"X{index}", latitude=1, longitude=index)
        assert count() == few


def query_counter(courier: Api) -> Callable[[], int]:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            answer(courier.get("/locations", near="1,1", size="SMALL"))
        return len(queries)

    return count


@pytest.mark.parametrize("path", ["/locations", "/locations/TLL-1", "/lockers/status"])
def test_only_get(courier: Api, path: str) -> None:
    assert courier.post(path, {}).status_code == 405
