"""The doors of a location as they hang, and how many there are in which state."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from lockers import availability
from lockers.models import Compartment, Location, Locker

# Along a location's doors: cabinet by cabinet, from the left, from the top. In `position` they are given out.
AS_THEY_HANG = ("locker__name", "column", "row")


@dataclass(frozen=True, slots=True)
class Cabinet:
    """One locker, its columns from the left, each with its doors from the top."""

    name: str
    columns: list[list[Compartment]]


@dataclass(frozen=True, slots=True)
class State:
    """How many doors are in one state."""

    status: Compartment.Status
    count: int


def cabinets(location: Location) -> list[Cabinet]:
    """Every locker of the location with its doors."""
    doors = Compartment.objects.filter(location=location).select_related("locker").order_by(*AS_THEY_HANG)
    return [
        Cabinet(name, [list(column) for _, column in groupby(hung, key=lambda door: door.column)])
        for name, hung in groupby(doors, key=lambda door: door.locker.name)
    ]


def cabinet(locker: Locker) -> Cabinet:
    """One locker with its doors."""
    return next(each for each in cabinets(locker.location) if each.name == locker.name)


def states(location_ids: list[int]) -> dict[int, list[State]]:
    """The number of doors in each state, for each location; in the order of `Compartment.Status`."""
    return {
        pk: [State(status, counts[status]) for status in Compartment.Status]
        for pk, counts in availability.totals(location_ids).items()
    }
