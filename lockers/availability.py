"""Count the compartments of locations by size and status.

A single location is counted for each call, which takes 0.1 ms; a cache would only make it wrong. The whole
network (77,400 compartments, 70 ms) is counted once for all callers within a moment
(`common/shared_answers.py`).

PostgreSQL writes the JSON of the API, in the shape of `schemas.LocationStatusOut`, so that a location is one
row instead of one for each size, which Python would have to read, assemble and serialize again.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from django.http import HttpRequest

from common.shared_answers import shared
from common.sql import ExtraQuery, fetch
from lockers import errors
from lockers.models import Size
from lockers.sql.status_counts import COUNTS, NAMES

_WHEN = " ".join(f"WHEN {size} THEN '{size.name}'" for size in Size)
# The UNION adds a row without an id for each size, so that every size is in the result.
_STATUS = """
SELECT to_json(status)::text AS status FROM (
    SELECT location.code AS location,
           to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS as_of,
           ARRAY(
               SELECT counted FROM (
                   SELECT CASE size {when} END AS size, {counts}
                   FROM (
                       SELECT id, size, occupancy, out_of_service_at
                       FROM lockers_compartment WHERE location_id = location.id
                       UNION ALL
                       SELECT NULL, size, NULL, NULL FROM unnest(ARRAY{sizes}::smallint[]) AS size
                   ) compartment
                   GROUP BY compartment.size ORDER BY compartment.size
               ) counted
           ) AS sizes
    FROM lockers_location location WHERE {where} ORDER BY location.code
) status
"""
_status_of = partial(_STATUS.format, when=_WHEN, counts=COUNTS, sizes=Size.values)
_BY_CODE = _status_of(where="location.code = %(location_code)s AND NOT location.sandbox")
_BY_IDS = _status_of(where="location.id = ANY(%(ids)s)")
_ALL = _status_of(where="NOT location.sandbox")

_TOTALS = """
SELECT location_id, {counts} FROM lockers_compartment WHERE location_id = ANY(%(ids)s) GROUP BY location_id
"""
_TOTALS_BY_IDS = _TOTALS.format(counts=COUNTS)

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")

Item = dict[str, Any]


def of_code(code: str) -> str:
    """Return the location's compartments by size and status as JSON. Raises `UnknownLocation`.

    Locations of the sandbox are not found: see `of_ids`.
    """
    rows = fetch(_BY_CODE, {"location_code": code})
    if not rows:
        raise errors.UnknownLocation
    return str(rows[0].status)


def status_query(request: HttpRequest) -> ExtraQuery | None:
    """Return the query of `of_code` for a call with `?location=`, to combine it with another statement."""
    code = request.GET.get("location", "")
    return ExtraQuery(_BY_CODE, {"location_code": code}) if _CODE.fullmatch(code) else None


def of_id(location_id: int) -> Item:
    """Return the same as a dictionary, for a location that is known to exist."""
    (row,) = fetch(_BY_IDS, {"ids": [location_id]})
    item: Item = json.loads(row.status)
    return item


def of_ids(location_ids: list[int]) -> str:
    """Return the same as a JSON list for some locations, in the order of their codes.

    They may be in the sandbox.
    """
    return _list(fetch(_BY_IDS, {"ids": location_ids}))


def of_network() -> str:
    """Return the same for the whole network, counted at most `settings.SHARED_ANSWERS_SECONDS` ago."""
    return shared("network", lambda: _list(fetch(_ALL, {})))


def totals(location_ids: list[int]) -> dict[int, dict[str, int]]:
    """Return the number of compartments by status for each location, and their `total`."""
    counts = {pk: dict.fromkeys(NAMES, 0) for pk in location_ids}
    for row in fetch(_TOTALS_BY_IDS, {"ids": location_ids}):
        counts[row.location_id] = {name: getattr(row, name) for name in NAMES}
    return counts


def _list(rows: list[Any]) -> str:
    return f"[{','.join(row.status for row in rows)}]"
