"""The compartments of a location in their physical arrangement, and their number by status."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from lockers import availability
from lockers.models import Compartment, Location, Locker

# Cabinet by cabinet, from the left, from the top. (`position` is the order in which they are used.)
PHYSICAL_ORDER = ("locker__name", "column", "row")


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A locker with its columns from the left, each with its compartments from the top."""

    name: str
    columns: list[list[Compartment]]


@dataclass(frozen=True, slots=True)
class StatusCount:
    """The number of compartments with a status."""

    status: Compartment.Status
    count: int


def cabinets_of(location: Location) -> list[Cabinet]:
    """Return the lockers of a location with their compartments."""
    compartments = (
        Compartment.objects.filter(location=location).select_related("locker").order_by(*PHYSICAL_ORDER)
    )
    return [
        Cabinet(
            name,
            [list(column) for _, column in groupby(of_locker, key=lambda compartment: compartment.column)],
        )
        for name, of_locker in groupby(compartments, key=lambda compartment: compartment.locker.name)
    ]


def cabinet_of(locker: Locker) -> Cabinet:
    """Return a locker with its compartments."""
    return next(cabinet for cabinet in cabinets_of(locker.location) if cabinet.name == locker.name)


def status_counts(location_ids: list[int]) -> dict[int, list[StatusCount]]:
    """Return the number of compartments by status for each location, in the order of `Compartment.Status`."""
    return {
        pk: [StatusCount(status, counts[status]) for status in Compartment.Status]
        for pk, counts in availability.totals(location_ids).items()
    }
