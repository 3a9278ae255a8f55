"""Locations near a point, across poles and the date line, and only those with room."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lockers import search
from lockers.models import Compartment, Location, Size
from lockers.search import NEAREST_FIRST, Point, near, nearest_with_room, with_room
from tests.world import make_location

pytestmark = pytest.mark.django_db

TALLINN, RIGA, VILNIUS = (59.437, 24.7536), (56.9496, 24.1052), (54.6872, 25.2797)


def place(code: str, latitude: float | None, longitude: float | None, **more: Any) -> Location:
    return make_location(code, latitude=latitude, longitude=longitude, **more)


def codes_near(point: Point, radius_km: float) -> list[str]:
    found = near(Location.objects.all(), point, radius_km=radius_km).order_by(*NEAREST_FIRST)
    return [location.code for location in found]


def great_circle_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the distance by the law of cosines, which the code under test does not use."""

    def vector(place: tuple[float, float]) -> tuple[float, float, float]:
        latitude, longitude = map(math.radians, place)
        return (
            math.cos(latitude) * math.cos(longitude),
            math.cos(latitude) * math.sin(longitude),
            math.sin(latitude),
        )

    (x1, y1, z1), (x2, y2, z2) = vector(a), vector(b)
    cross = math.hypot(y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2)
    return 6371.0088 * math.atan2(cross, x1 * x2 + y1 * y2 + z1 * z2)


class TestNear:
    def test_nearest_first_with_distance(self) -> None:
        for code, (latitude, longitude) in {"RIX": RIGA, "TLL": TALLINN, "VNO": VILNIUS}.items():
            place(code, latitude, longitude)
        place("NOWHERE", None, None)
        found: list[Any] = list(near(Location.objects.all(), Point(*TALLINN)).order_by(*NEAREST_FIRST))
        assert [row.code for row in found] == ["TLL", "RIX", "VNO"]
        assert [row.distance_km for row in found] == pytest.approx([0, 279.2, 529.1], abs=0.5)

    def test_radius(self) -> None:
        place("TLL", *TALLINN)
        place("RIX", *RIGA)
        assert codes_near(Point(*TALLINN), 280) == ["TLL", "RIX"]
        assert codes_near(Point(*TALLINN), 279) == ["TLL"]
        assert codes_near(Point(*VILNIUS), 200) == []

    @pytest.mark.parametrize(
        ("point", "other"),
        [
            ((-17.0, 179.95), (-17.0, -179.95)),  # Fiji, over the date line
            ((-17.0, -179.95), (-17.0, 179.95)),
            ((0.0, 180.0), (0.0, -180.0)),
            ((89.99, 0.0), (89.99, 180.0)),  # over the pole
            ((-89.99, -90.0), (-89.99, 90.0)),
            ((90.0, 0.0), (89.95, 123.4)),
        ],
    )
    def test_across_poles_and_the_date_line(
        self, point: tuple[float, float], other: tuple[float, float]
    ) -> None:
        place("THERE", *other)
        distance = great_circle_km(point, other)
        assert distance < 12
        assert codes_near(Point(*point), 12) == ["THERE"]
        assert codes_near(Point(*point), max(distance * 0.9, 0.001)) == (["THERE"] if distance < 1e-6 else [])

    def test_antipodes(self) -> None:
        place("SPAIN", 40.0, -4.0)
        found: Any = near(Location.objects.all(), Point(-40.0, 176.0)).get()
        assert found.distance_km == pytest.approx(math.pi * 6371.0088)

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        point=st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
        radius_km=st.floats(5e-324, search.FARTHEST_KM),
    )
    @example(point=(0.0, 0.0), radius_km=10_007.5)  # a quarter of the earth
    @example(point=(90.0, 0.0), radius_km=1.0)
    @example(point=(5e-324, 1e-200), radius_km=5e-324)
    @example(point=(60.0, -179.0), radius_km=3000.0)
    def test_the_box_loses_nothing(self, point: tuple[float, float], radius_km: float) -> None:
        """The indexed search finds exactly the locations that the law of cosines puts within the radius."""
        grid = [
            (latitude, longitude) for latitude in range(-90, 91, 30) for longitude in range(-180, 181, 45)
        ]
        if not Location.objects.exists():
            Location.objects.bulk_create(
                Location(code=f"{a}_{b}", name="x", country="EE", latitude=a, longitude=b) for a, b in grid
            )
        found = set(codes_near(Point(*point), radius_km))
        for latitude, longitude in grid:
            distance = great_circle_km(point, (latitude, longitude))
            if abs(distance - radius_km) > 0.001:
                assert (f"{latitude}_{longitude}" in found) == (distance < radius_km)


class TestPoint:
    @pytest.mark.parametrize(
        ("text", "point"),
        [
            ("59.437,24.753", Point(59.437, 24.753)),
            (" -33.8 , 151.2 ", Point(-33.8, 151.2)),
            ("90,-180", Point(90, -180)),
            ("0,0", Point(0, 0)),
        ],
    )
    def test_parse(self, text: str, point: Point) -> None:
        assert Point.parse(text) == point

    @pytest.mark.parametrize(
        "text",
        [
            *("", ",", "1", "1,", "1,2,3", "a,b", "nan,nan", "NaN,0", "inf,0", "0,-inf", "1e1,2", "0x10,1"),
            *(
                "90.1,0",
                "-91,0",
                "0,180.1",
                "0,-181",
                "1_0,2",
                "٥٩,24",
                "1.,2",
                ".5,2",
                "1;2",
                "1 2",
                "1,2\0",
            ),
            *("1" * 400 + ",1", "1,1." + "1" * 400),
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ValueError, match="latitude,longitude"):
            Point.parse(text)


class TestWithRoom:
    def codes(self, size: int, *, accessible: bool = False) -> set[str]:
        return {row.code for row in with_room(Location.objects.all(), size=size, accessible=accessible)}

    def test_each_location_by_its_own_strategy(self) -> None:
        make_location("FIT", small=0, medium=1, large=0)
        make_location("EXACT", small=0, medium=1, large=0, strategy="first_available")
        assert self.codes(Size.SMALL) == {"FIT"}
        assert self.codes(Size.MEDIUM) == {"FIT", "EXACT"}
        assert self.codes(Size.LARGE) == set()

    @pytest.mark.parametrize("occupancy", ["occupied", "reserved", "unverified"])
    def test_full(self, occupancy: str) -> None:
        location = make_location()
        location.compartments.update(occupancy=occupancy)
        assert self.codes(Size.SMALL) == set()

    def test_out_of_service(self) -> None:
        location = make_location()
        location.compartments.update(out_of_service_at=timezone.now(), out_of_service_reason="x")
        assert self.codes(Size.SMALL) == set()

    def test_suspended(self) -> None:
        make_location().suspend(reason="storm", now=timezone.now())
        assert self.codes(Size.SMALL) == set()

    def test_accessible(self) -> None:
        location = make_location("YES")
        make_location("NO")
        location.compartments.filter(label="M1").update(accessible=True)
        assert self.codes(Size.SMALL, accessible=True) == {"YES"}
        assert self.codes(Size.LARGE, accessible=True) == set()


def km(latitude: float, longitude: float) -> float:
    """Distances from Tallinn, to the meter."""
    return round(great_circle_km(TALLINN, (latitude, longitude)), 3)


class TestNearestWithRoom:
    def test_nearest_first_with_available_compartments(self) -> None:
        full = place("FULL", *TALLINN)
        place("NEXT", 59.44, 24.76, small=1, medium=1, large=1)
        place("EXACT", 59.45, 24.77, strategy="first_available")
        place("RIX", *RIGA)
        place("NO-ROOM", 59.437, 24.7537, small=1, medium=0, large=0)
        place("SUSPENDED", 59.437, 24.7538).suspend(reason="storm", now=timezone.now())
        place("NOWHERE", None, None)
        assert nearest_with_room(full, size=Size.MEDIUM) == [
            {"location": "NEXT", "name": "Place NEXT", "distance_km": km(59.44, 24.76), "available": 2},
            {"location": "EXACT", "name": "Place EXACT", "distance_km": km(59.45, 24.77), "available": 2},
            {"location": "RIX", "name": "Place RIX", "distance_km": km(*RIGA), "available": 4},
        ]

    def test_limit(self) -> None:
        full = place("FULL", *TALLINN)
        for index in range(7):
            place(f"P{index}", 59.437 + index / 1000, 24.7536)
        assert [other["location"] for other in nearest_with_room(full, size=1)] == [
            "P0",
            "P1",
            "P2",
            "P3",
            "P4",
        ]
        assert [other["location"] for other in nearest_with_room(full, size=1, limit=2)] == ["P0", "P1"]

    def test_equally_near_is_not_itself(self) -> None:
        full = place("FULL", *TALLINN)
        assert nearest_with_room(full, size=1) == []
        place("SAME-HOUSE", *TALLINN)
        assert [other["location"] for other in nearest_with_room(full, size=1)] == ["SAME-HOUSE"]

    def test_other_side_of_the_earth_if_need_be(self) -> None:
        place("ANTIPODE", -TALLINN[0], TALLINN[1] - 180)
        assert nearest_with_room(place("FULL", *TALLINN), size=1)[0]["distance_km"] == pytest.approx(20015, 1)

    def test_accessible(self) -> None:
        full = place("FULL", *TALLINN)
        place("NEAR", 59.44, 24.76)
        far = place("FAR", *RIGA)
        far.compartments.filter(label="L2").update(accessible=True)
        found = nearest_with_room(full, size=Size.SMALL, accessible=True)
        assert [(other["location"], other["available"]) for other in found] == [("FAR", 1)]

    def test_without_coordinates(self) -> None:
        place("NEAR", *TALLINN)
        assert nearest_with_room(place("NOWHERE", None, None), size=1) == []

    def test_one_query_where_there_is_room_nearby(self) -> None:
        full = place("FULL", *TALLINN)
        for index in range(5):
            place(f"P{index}", 59.437 + index / 1000, 24.7536)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            nearest_with_room(full, size=1)
        assert len(queries) == 1
        assert Compartment.objects.count() == 36
