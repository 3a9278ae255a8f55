"""Import locations from a file: all of them or none.

New locations get compartments. Known ones, by their code, get the name, address and coordinates of the file,
and keep everything else. Locations that are not in the file stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from common.csv_table import Complaint, Row, TableError
from lockers import layout
from lockers.models import Location
from lockers.zones import countries, zones_by_country

COLUMNS = ("code", "name", "country", "region", "city", "address", "latitude", "longitude")
_DATA = COLUMNS[1:]
_COORDINATES = ("latitude", "longitude")
_UNCHECKED = {item.name for item in Location._meta.get_fields()} - set(COLUMNS)

# Locations per statement: with 60 compartments each, it stays far below the statement timeout.
_BATCH = 100

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Plan:
    """What an import will do."""

    new: list[Location] = field(default_factory=list)
    changed: list[Location] = field(default_factory=list)
    unchanged: int = 0
    complaints: list[Complaint] = field(default_factory=list)


class ImportRunning(Exception):
    """Another import is running."""


def import_locations(
    rows: Sequence[Row],
    *,
    compartments: Sequence[layout.PlannedCompartment],
    time_zone: str | None = None,
    dry_run: bool = False,
    progress: Progress = lambda done, total: None,
) -> Plan:
    """Import the rows in one transaction and return what was done.

    `compartments` are those of each new location; `time_zone` is for countries that have several. Raises
    `TableError` with every complaint, or `ImportRunning`; nothing has been changed then.
    """
    with transaction.atomic(durable=True):
        _refuse_second_import()
        plan = _plan(rows, time_zone)
        if plan.complaints:
            raise TableError(plan.complaints)
        if not dry_run:
            _carry_out(plan, compartments, progress)
    if plan.new and not dry_run:
        _update_statistics()
    return plan


def _update_statistics() -> None:
    """Update the planner's statistics, which still describe nearly empty tables."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE lockers_location, lockers_locker, lockers_compartment")


def _refuse_second_import() -> None:
    """Raise `ImportRunning` if another import runs: both could create the same new locations."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('lockers.import_locations'))")
        if not cursor.fetchone()[0]:
            raise ImportRunning


def _plan(rows: Sequence[Row], time_zone: str | None) -> Plan:
    plan = Plan(complaints=_repeated_codes(rows))
    known = {location.code: location for location in Location.objects.filter(code__in=_codes(rows))}
    for row in rows:
        location = known.get(row.cells["code"], Location())
        before = [getattr(location, name) for name in _DATA]
        country_before = location.country
        complaints = _fill(location, row)
        if not complaints and location.country != country_before:
            complaints = _set_zone(location, row.line, time_zone)
        plan.complaints += complaints
        if location._state.adding:
            plan.new.append(location)
        elif [getattr(location, name) for name in _DATA] != before:
            plan.changed.append(location)
        else:
            plan.unchanged += 1
    return plan


def _codes(rows: Sequence[Row]) -> list[str]:
    return [row.cells["code"] for row in rows]


def _repeated_codes(rows: Sequence[Row]) -> list[Complaint]:
    first: dict[str, int] = {}
    return [
        Complaint(row.line, "code", f"{row.cells['code']!r} is already in line {earlier}")
        for row in rows
        if (earlier := first.setdefault(row.cells["code"], row.line)) != row.line
    ]


def _fill(location: Location, row: Row) -> list[Complaint]:
    """Set the row's values on the location and return the complaints of the model."""
    complaints = []
    for name in COLUMNS:
        cell = row.cells[name]
        if name not in _COORDINATES:
            setattr(location, name, cell)
            continue
        try:
            setattr(location, name, _degrees(cell, decimal_comma=row.decimal_comma))
        except ValueError as error:
            complaints.append(Complaint(row.line, name, str(error)))
    try:
        location.clean_fields(exclude=_UNCHECKED)
    except ValidationError as error:
        complaints += [
            Complaint(row.line, name, " ".join(messages)) for name, messages in error.message_dict.items()
        ]
    if not complaints:
        complaints = _contradictions(location, row.line)
    return complaints


def _contradictions(location: Location, line: int) -> list[Complaint]:
    if location.country not in countries():
        return [Complaint(line, "country", f"{location.country!r} is not a country code of ISO 3166-1")]
    limits = {"latitude": 90, "longitude": 180}
    for name, limit in limits.items():
        value = getattr(location, name)
        if value is not None and abs(value) > limit:
            return [Complaint(line, name, f"{value} is not between -{limit} and {limit}")]
    if (location.latitude is None) != (location.longitude is None):
        return [Complaint(line, "latitude", "latitude and longitude must both be given, or neither")]
    return []


def _degrees(cell: str, *, decimal_comma: bool) -> float | None:
    if not cell:
        return None
    number = cell.replace(",", ".") if decimal_comma else cell
    if not re.fullmatch(r"[+-]?[0-9]{1,3}(\.[0-9]{1,20})?", number, re.ASCII):
        raise ValueError(f"{cell!r} is not a number of degrees, such as 59.430318")
    return float(number)


def _set_zone(location: Location, line: int, time_zone: str | None) -> list[Complaint]:
    zones = zones_by_country().get(location.country, [])
    if len(zones) == 1:
        location.time_zone = zones[0]
    elif time_zone is not None:
        location.time_zone = time_zone
    else:
        reason = f"{location.country} has {len(zones)} time zones; choose one with --time-zone"
        return [Complaint(line, "country", reason)]
    return []


def _carry_out(plan: Plan, compartments: Sequence[layout.PlannedCompartment], progress: Progress) -> None:
    total = len(plan.new) + len(plan.changed)
    for start in range(0, len(plan.new), _BATCH):
        batch = Location.objects.bulk_create(plan.new[start : start + _BATCH])
        layout.install(batch, compartments)
        progress(start + len(batch), total)
    # Last, because this locks the rows until the commit.
    if plan.changed:
        Location.objects.bulk_update(plan.changed, [*_DATA, "time_zone"], batch_size=_BATCH)
        progress(total, total)
