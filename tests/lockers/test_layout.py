"""The arrangement of compartments in cabinets."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError
from hypothesis import given, settings
from hypothesis import strategies as st

from lockers import layout
from lockers.layout import Counts, LayoutError, PlannedCompartment, lay_out, parse
from lockers.models import Compartment, Location, Locker, Size
from tests.factories import LocationFactory
from tests.world import make_location

FRAME = 30  # mm
HEIGHTS = {size: django_settings.COMPARTMENT_SIZES[size.name]["height_mm"] + FRAME for size in Size}


def columns(doors: list[PlannedCompartment]) -> dict[tuple[str, int], list[PlannedCompartment]]:
    found = defaultdict(list)
    for door in doors:
        found[door.locker, door.column].append(door)
    return found


def height(column: list[PlannedCompartment]) -> int:
    return sum(HEIGHTS[door.size] for door in column)


def test_sixty_compartments() -> None:
    doors = lay_out(parse(layout.DEFAULT))
    assert Counter(door.size for door in doors) == {Size.SMALL: 20, Size.MEDIUM: 20, Size.LARGE: 20}
    assert {door.locker for door in doors} == {"A"}
    heights = {height(column) for column in columns(doors).values()}
    assert len(columns(doors)) == 8
    assert heights == {1870, 1980}, "about 1.9 m, and no more than one small door of difference"
    assert [door.label for door in doors] == [f"{number:02d}" for number in range(1, 61)]


@settings(deadline=None)
@given(st.tuples(*[st.integers(0, 80) for _ in Size]).filter(any))
def test_every_layout_is_a_cabinet(counts: Counts) -> None:
    doors = lay_out(counts)
    assert Counter(door.size for door in doors) == {
        size: number for size, number in zip(Size, counts, strict=True) if number
    }
    assert sorted(door.position for door in doors) == list(range(1, len(doors) + 1))
    assert len({(door.locker, door.label) for door in doors}) == len(doors)
    found = columns(doors)
    for column in found.values():
        assert [door.row for door in column] == list(range(1, len(column) + 1))
        assert height(column) <= 2000
    heights = [height(column) for column in found.values()]
    assert max(heights) - min(heights) <= max(HEIGHTS[door.size] for door in doors)
    widths = Counter(locker for locker, _ in found)
    assert max(widths.values()) <= 12
    assert max(widths.values()) - min(widths.values()) <= 1


def test_accessible_compartments_are_within_reach() -> None:
    """Measured from the ground: a plinth of 100 mm, then the compartments of a column from the bottom."""
    doors = lay_out(parse("20/20/20"))
    top = 100 + max(height(column) for column in columns(doors).values())
    for column in columns(doors).values():
        upper = top
        for door in column:
            lower = upper - HEIGHTS[door.size]
            assert door.accessible == (lower >= 350 and upper <= 1230)
            upper = lower
    assert {door.size for door in doors if door.accessible} == {Size.SMALL, Size.MEDIUM, Size.LARGE}


def test_low_cabinet_stands_on_legs_within_reach() -> None:
    assert all(door.accessible for door in lay_out(parse("2/1/1")))


def test_accessible_compartments_are_used_last() -> None:
    in_turn = sorted(lay_out(parse("20/20/20")), key=lambda door: door.position)
    assert [door.accessible for door in in_turn] == sorted(door.accessible for door in in_turn)


def test_wide_locations_get_several_cabinets() -> None:
    doors = lay_out(parse("100/100/100"))
    assert sorted({door.locker for door in doors}) == ["A", "B", "C", "D"]
    assert {door.label for door in doors if door.locker == "B"} >= {"01", "02"}


def test_cabinet_names_go_on_after_z() -> None:
    assert [layout._name(index) for index in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]


@pytest.mark.parametrize(
    ("text", "counts"), [("20/20/20", (20, 20, 20)), (" 1 / 0 / 0 ", (1, 0, 0)), ("0/0/1000", (0, 0, 1000))]
)
def test_parse(text: str, counts: tuple[int, int, int]) -> None:
    assert parse(text) == (*counts, *[0] * (len(Size) - 3))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20",
        "20/20",
        "/".join(["20"] * (len(Size) + 1)),
        "a/b/c",
        "-1/2/3",
        "1.5/1/1",
        "0/0/0",
        "1000/1/0",
        "99999/0/0",
        "٢/1/1",
        "1/1/1\n2",
    ],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(LayoutError, match=r"20/20/20|1 to 1,000 compartments"):
        parse(text)


@pytest.mark.django_db
def test_install() -> None:
    first, second = (make_location(code, small=0, medium=0, large=0) for code in ("A-1", "A-2"))
    Locker.objects.all().delete()
    doors = lay_out(parse("100/50/20"))
    assert layout.install([first, second], doors) == 340
    for location in (first, second):
        assert location.compartments.count() == 170
        assert location.lockers.count() == len({door.locker for door in doors})
        stored = location.compartments.select_related("locker").order_by("position")
        planned = sorted(doors, key=lambda door: door.position)
        assert [
            (row.locker.name, row.label, row.size, row.column, row.row, row.position, row.accessible)
            for row in stored
        ] == [
            (door.locker, door.label, door.size, door.column, door.row, door.position, door.accessible)
            for door in planned
        ]
    assert not Compartment.objects.exclude(occupancy="empty", out_of_service_at=None).exists()


@pytest.mark.django_db
def test_installing_twice_violates_the_schema() -> None:
    location = Location.objects.create(code="A-1", name="A", country="EE")
    layout.install([location], lay_out(parse("1/0/0")))
    with pytest.raises(IntegrityError, match="locker_name_once"):
        layout.install([location], lay_out(parse("1/0/0")))


@pytest.mark.django_db
def test_extend_fills_gaps_in_the_names_and_goes_on() -> None:
    location = LocationFactory.create()
    Locker.objects.create(location=location, name="B")
    assert [cabinet.name for cabinet in layout.extend(location, parse("1/1/1"))] == ["A"]
    assert [cabinet.name for cabinet in layout.extend(location, parse("1/1/1"))] == ["C"]
    positions = list(location.compartments.values_list("position", flat=True).order_by("position"))
    assert positions == [1, 2, 3, 4, 5, 6]
    with pytest.raises(LayoutError, match="6 are there"):
        layout.extend(location, parse("995/0/0"))
    assert location.lockers.count() == 3
