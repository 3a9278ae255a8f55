"""Arrange the compartments of a location in cabinets, as real parcel lockers have them.

The layout `20/20/20` means 20 compartments of each size: small, medium and large. The columns are nearly
equal in height. Large compartments are in the middle of one column and at the ends of the next, so that
compartments of every size can be reached from a wheelchair. Those are used last, to be available for people
who need them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from common.wakeup import wake_queue
from lockers.models import Compartment, Location, Locker, Size

DEFAULT = "20/20/20"
SIZE_NAMES = "/".join(size.label.lower() for size in Size)
# A layout that was written down before a larger size was added stays valid, and makes none of that size.
_FEWEST_NUMBERS = DEFAULT.count("/") + 1
MOST_COMPARTMENTS = 1000
MOST_COLUMNS = 12  # of one cabinet

# Millimeters. With this frame, the usual inner heights 80, 190 and 410 become 110, 220 and 440: one large
# compartment is as high as two medium or four small ones.
_FRAME = 30
_TALLEST_COLUMN = 2000
_PLINTH = 100
_REACH_FROM, _REACH_TO = 350, 1230


# How many compartments of each size, smallest first.
Counts = tuple[int, ...]


class LayoutError(ValueError):
    """The text is not a layout; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class PlannedCompartment:
    """A compartment in its place, with the fields of `Compartment`; `locker` is the name of the cabinet."""

    locker: str
    label: str
    size: Size
    column: int
    row: int
    position: int
    accessible: bool


def parse(text: str) -> Counts:
    """Return the number of compartments of each size in a layout such as `20/20/20`, smallest first.

    Raises `LayoutError`.
    """
    numbers = text.split("/")
    if not (
        _FEWEST_NUMBERS <= len(numbers) <= len(Size)
        and all(re.fullmatch(r"\s*[0-9]{1,4}\s*", number, re.ASCII) for number in numbers)
    ):
        raise LayoutError(f"A layout is one whole number for each size, {SIZE_NAMES}, such as {DEFAULT}.")
    missing = len(Size) - len(numbers)
    counts = (*map(int, numbers), *[0] * missing)
    if not 1 <= sum(counts) <= MOST_COMPARTMENTS:
        raise LayoutError(
            f"A location has 1 to {MOST_COMPARTMENTS:,} compartments; {text.strip()} makes {sum(counts):,}."
        )
    return counts


def lay_out(counts: Counts) -> list[PlannedCompartment]:
    """Return the compartments, cabinet by cabinet and column by column, from the top down."""
    columns = [
        _arrange(column, large_in_middle=index % 2 == 0) for index, column in enumerate(_columns(counts))
    ]
    tallest = max(sum(map(_height, column)) for column in columns)
    low = tallest <= _REACH_TO - _REACH_FROM  # a low cabinet stands on legs, all within reach
    top = tallest + (_REACH_FROM if low else _PLINTH)
    compartments: list[PlannedCompartment] = []
    for name, cabinet in _cabinets(columns):
        compartments += _number(name, cabinet, top)
    return _with_positions(compartments)


def check_room(location: Location, counts: Counts) -> None:
    """Raise `LayoutError` if the location would have too many compartments."""
    existing = location.compartments.count()
    if existing + sum(counts) > MOST_COMPARTMENTS:
        raise LayoutError(
            f"A location has at most {MOST_COMPARTMENTS:,} compartments; {existing:,} are there."
        )


def extend(location: Location, counts: Counts) -> list[Locker]:
    """Add cabinets to a location, with the next free names, and return them.

    Their compartments are used after the existing ones. Call it in a transaction, which waits for another one
    that extends the same location. Raises `LayoutError` if the location would have too many compartments.
    """
    Location.objects.select_for_update(no_key=True).get(pk=location.pk)
    check_room(location, counts)
    last = location.compartments.aggregate(last=Max("position", default=0))["last"]
    taken = set(location.lockers.values_list("name", flat=True))
    free = (name for name in map(_name, count()) if name not in taken)
    compartments = lay_out(counts)
    names = {name: next(free) for name in dict.fromkeys(compartment.locker for compartment in compartments)}
    install(
        [location],
        [
            replace(compartment, locker=names[compartment.locker], position=last + compartment.position)
            for compartment in compartments
        ],
    )
    return list(location.lockers.filter(name__in=names.values()).order_by("pk"))


def install(locations: Sequence[Location], compartments: Sequence[PlannedCompartment]) -> int:
    """Add the compartments to each of the locations, in new cabinets; return how many were added.

    Call it in a transaction.
    """
    names = list(dict.fromkeys(compartment.locker for compartment in compartments))
    cabinets = Locker.objects.bulk_create(
        Locker(location=location, name=name) for location in locations for name in names
    )
    made = Compartment.objects.bulk_create(
        (
            Compartment(
                location_id=cabinet.location_id,
                locker_id=cabinet.pk,
                label=compartment.label,
                size=compartment.size,
                position=compartment.position,
                column=compartment.column,
                row=compartment.row,
                accessible=compartment.accessible,
            )
            for cabinet in cabinets
            for compartment in compartments
            if compartment.locker == cabinet.name
        ),
        batch_size=5000,  # keeps each statement well below the statement timeout
    )
    transaction.on_commit(wake_queue, robust=True)
    return len(made)


def _height(size: Size) -> int:
    inner: int = settings.COMPARTMENT_SIZES[size.name]["height_mm"]
    return inner + _FRAME


def _columns(counts: Counts) -> list[list[Size]]:
    """Return as few columns as possible, none taller than `_TALLEST_COLUMN` and nearly equal in height.

    The largest compartments go first, each onto the lowest column, so that the columns differ by less than
    one compartment in the end.
    """
    sizes = [size for size, number in zip(Size, counts, strict=True) for _ in range(number)]
    sizes.sort(key=_height, reverse=True)
    limit = max(_TALLEST_COLUMN, _height(sizes[0]))
    for width in count(-(-sum(map(_height, sizes)) // limit)):
        columns: list[list[Size]] = [[] for _ in range(width)]
        heights = [0] * width
        for size in sizes:
            lowest = heights.index(min(heights))
            columns[lowest].append(size)
            heights[lowest] += _height(size)
        if max(heights) <= limit:
            return columns
    raise AssertionError("unreachable")


def _arrange(column: list[Size], *, large_in_middle: bool) -> list[Size]:
    """Return the column from the top down; the outer compartments go to the bottom and the top in turn."""
    from_outside = sorted(column, key=_height, reverse=not large_in_middle)
    return from_outside[1::2] + from_outside[::2][::-1]


def _cabinets(columns: list[list[Size]]) -> list[tuple[str, list[list[Size]]]]:
    """Split the columns into cabinets of about the same width, named from A on."""
    number = -(-len(columns) // MOST_COLUMNS)
    edges = [len(columns) * index // number for index in range(number + 1)]
    return [(_name(index), columns[edges[index] : edges[index + 1]]) for index in range(number)]


def _name(index: int) -> str:
    return (_name(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def _number(name: str, cabinet: list[list[Size]], top: int) -> list[PlannedCompartment]:
    """Label the compartments down the columns, from the left, starting with 01."""
    digits = max(2, len(str(sum(map(len, cabinet)))))
    compartments: list[PlannedCompartment] = []
    for column, sizes in enumerate(cabinet, start=1):
        upper_edge = top
        for row, size in enumerate(sizes, start=1):
            lower_edge = upper_edge - _height(size)
            compartments.append(
                PlannedCompartment(
                    locker=name,
                    label=f"{len(compartments) + 1:0{digits}d}",
                    size=size,
                    column=column,
                    row=row,
                    position=0,
                    accessible=lower_edge >= _REACH_FROM and upper_edge <= _REACH_TO,
                )
            )
            upper_edge = lower_edge
    return compartments


def _with_positions(compartments: list[PlannedCompartment]) -> list[PlannedCompartment]:
    turn = sorted(range(len(compartments)), key=lambda index: compartments[index].accessible)
    positions = {index: number for number, index in enumerate(turn, start=1)}
    return [replace(compartment, position=positions[index]) for index, compartment in enumerate(compartments)]
