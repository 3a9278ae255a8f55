"""How a cabinet looks: columns of doors as real parcel machines have them, laid out from three numbers.

`20/20/20` means twenty doors of each size: small, medium, large. Columns come out nearly equal in height.
One has its large doors in the middle and the next one at its ends, so that doors of every size hang within
reach from a wheelchair; these are given out last, to be there for those who need them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from common.wakeup import wake_queue
from lockers.models import Compartment, Location, Locker, Size

DEFAULT = "20/20/20"
MOST_DOORS = 1000
MOST_COLUMNS = 12  # of one cabinet

# Millimetres. With this frame the usual inner heights 80, 190 and 410 come to 110, 220 and 440: one large
# door takes the place of two medium or four small ones.
_FRAME = 30
_TALLEST_COLUMN = 2000
_PLINTH = 100
_REACH_FROM, _REACH_TO = 350, 1230


class LayoutError(ValueError):
    """The text is no layout; the message says what one looks like."""


class Counts(NamedTuple):
    """How many doors of each size."""

    small: int
    medium: int
    large: int


@dataclass(frozen=True, slots=True)
class Door:
    """One door in its place; the fields are those of `Compartment`, `locker` is the cabinet's name."""

    locker: str
    label: str
    size: Size
    column: int
    row: int
    position: int
    accessible: bool


def parse(text: str) -> Counts:
    """`20/20/20` as numbers of small, medium and large doors. Raises `LayoutError`."""
    match = re.fullmatch(r"\s*([0-9]{1,4})\s*/\s*([0-9]{1,4})\s*/\s*([0-9]{1,4})\s*", text, re.ASCII)
    if match is None:
        raise LayoutError("A layout is three whole numbers, small/medium/large, such as 20/20/20.")
    counts = Counts(*map(int, match.groups()))
    if not 1 <= sum(counts) <= MOST_DOORS:
        raise LayoutError(f"A location has 1 to {MOST_DOORS:,} doors; {text.strip()} makes {sum(counts):,}.")
    return counts


def lay_out(counts: Counts) -> list[Door]:
    """The doors of one location, cabinet by cabinet, column by column, from the top down."""
    columns = [
        _arrange(column, large_in_middle=index % 2 == 0) for index, column in enumerate(_columns(counts))
    ]
    tallest = max(sum(map(_height, column)) for column in columns)
    low = tallest <= _REACH_TO - _REACH_FROM  # a low cabinet stands on legs, all of it within reach
    top = tallest + (_REACH_FROM if low else _PLINTH)
    doors: list[Door] = []
    for name, cabinet in _cabinets(columns):
        doors += _number(name, cabinet, top)
    return _in_order_of_giving(doors)


def check_room(location: Location, counts: Counts) -> None:
    """Raises `LayoutError` where the location would have too many doors with these."""
    hanging = location.compartments.count()
    if hanging + sum(counts) > MOST_DOORS:
        raise LayoutError(f"A location has {MOST_DOORS:,} doors at the most; {hanging:,} hang there.")


def extend(location: Location, counts: Counts) -> list[Locker]:
    """Put further cabinets up at a location, named on from those that stand there; returns them.

    Their doors are given out after the others. Two at once wait for each other; the caller's transaction
    holds it together. Raises `LayoutError` where the location would have too many doors.
    """
    Location.objects.select_for_update(no_key=True).get(pk=location.pk)
    check_room(location, counts)
    last = location.compartments.aggregate(last=Max("position", default=0))["last"]
    taken = set(location.lockers.values_list("name", flat=True))
    free = (name for name in map(_name, count()) if name not in taken)
    doors = lay_out(counts)
    names = {name: next(free) for name in dict.fromkeys(door.locker for door in doors)}
    install(
        [location],
        [replace(door, locker=names[door.locker], position=last + door.position) for door in doors],
    )
    return list(location.lockers.filter(name__in=names.values()).order_by("pk"))


def install(locations: Sequence[Location], doors: Sequence[Door]) -> int:
    """Put these doors up at each of the locations, in cabinets that they have not so far; returns how many.

    The caller's transaction holds it together.
    """
    names = list(dict.fromkeys(door.locker for door in doors))
    cabinets = Locker.objects.bulk_create(
        Locker(location=location, name=name) for location in locations for name in names
    )
    made = Compartment.objects.bulk_create(
        (
            Compartment(
                location_id=cabinet.location_id,
                locker_id=cabinet.pk,
                label=door.label,
                size=door.size,
                position=door.position,
                column=door.column,
                row=door.row,
                accessible=door.accessible,
            )
            for cabinet in cabinets
            for door in doors
            if door.locker == cabinet.name
        ),
        batch_size=5000,  # keeps each statement well below the statement time-out
    )
    transaction.on_commit(wake_queue, robust=True)
    return len(made)


def _height(size: Size) -> int:
    inner: int = settings.COMPARTMENT_SIZES[size.name]["height_mm"]
    return inner + _FRAME


def _columns(counts: Counts) -> list[list[Size]]:
    """As few columns as hold the doors, none taller than `_TALLEST_COLUMN`, nearly equal in height.

    Largest doors first, each onto the lowest column: what is left over at the end is less than one door.
    """
    doors = [size for size, number in zip(Size, counts, strict=True) for _ in range(number)]
    doors.sort(key=_height, reverse=True)
    limit = max(_TALLEST_COLUMN, _height(doors[0]))
    for width in count(-(-sum(map(_height, doors)) // limit)):
        columns: list[list[Size]] = [[] for _ in range(width)]
        heights = [0] * width
        for door in doors:
            lowest = heights.index(min(heights))
            columns[lowest].append(door)
            heights[lowest] += _height(door)
        if max(heights) <= limit:
            return columns
    raise AssertionError("unreachable")


def _arrange(column: list[Size], *, large_in_middle: bool) -> list[Size]:
    """The column from the top down, its outer doors chosen by turns for the bottom and the top."""
    from_outside = sorted(column, key=_height, reverse=not large_in_middle)
    return from_outside[1::2] + from_outside[::2][::-1]


def _cabinets(columns: list[list[Size]]) -> list[tuple[str, list[list[Size]]]]:
    """Named A, B, …; wide ones come apart into cabinets of about the same width."""
    number = -(-len(columns) // MOST_COLUMNS)
    edges = [len(columns) * index // number for index in range(number + 1)]
    return [(_name(index), columns[edges[index] : edges[index + 1]]) for index in range(number)]


def _name(index: int) -> str:
    return (_name(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def _number(name: str, cabinet: list[list[Size]], top: int) -> list[Door]:
    """Labels run down the columns, from the left: 01, 02, …"""
    digits = max(2, len(str(sum(map(len, cabinet)))))
    doors: list[Door] = []
    for column, sizes in enumerate(cabinet, start=1):
        upper_edge = top
        for row, size in enumerate(sizes, start=1):
            lower_edge = upper_edge - _height(size)
            doors.append(
                Door(
                    locker=name,
                    label=f"{len(doors) + 1:0{digits}d}",
                    size=size,
                    column=column,
                    row=row,
                    position=0,
                    accessible=lower_edge >= _REACH_FROM and upper_edge <= _REACH_TO,
                )
            )
            upper_edge = lower_edge
    return doors


def _in_order_of_giving(doors: list[Door]) -> list[Door]:
    turn = sorted(range(len(doors)), key=lambda index: doors[index].accessible)
    position = {index: place for place, index in enumerate(turn, start=1)}
    return [replace(door, position=position[index]) for index, door in enumerate(doors)]
