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
from typing import Any

from django.http import HttpRequest

from common.shared_answers import shared
from common.sql import ExtraQuery, fetch
from lockers import errors
from lockers.sql import availability
from lockers.sql.status_counts import NAMES

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")

Item = dict[str, Any]


def of_code(code: str) -> str:
    """Return the location's compartments by size and status as JSON. Raises `UnknownLocation`.

    Locations of the sandbox are not found: see `of_ids`.
    """
    rows = fetch(availability.BY_CODE, {"location_code": code})
    if not rows:
        raise errors.UnknownLocation
    return str(rows[0].status)


def status_query(request: HttpRequest) -> ExtraQuery | None:
    """Return the query of `of_code` for a call with `?location=`, to combine it with another statement."""
    code = request.GET.get("location", "")
    return ExtraQuery(availability.BY_CODE, {"location_code": code}) if _CODE.fullmatch(code) else None


def of_id(location_id: int) -> Item:
    """Return the same as a dictionary, for a location that is known to exist."""
    (row,) = fetch(availability.BY_IDS, {"ids": [location_id]})
    item: Item = json.loads(row.status)
    return item


def of_ids(location_ids: list[int]) -> str:
    """Return the same as a JSON list for some locations, in the order of their codes.

    They may be in the sandbox.
    """
    return _list(fetch(availability.BY_IDS, {"ids": location_ids}))


def of_network() -> str:
    """Return the same for the whole network, counted at most `settings.SHARED_ANSWERS_SECONDS` ago."""
    return shared("network", lambda: _list(fetch(availability.ALL, {})))


def totals(location_ids: list[int]) -> dict[int, dict[str, int]]:
    """Return the number of compartments by status for each location, and their `total`."""
    counts = {pk: dict.fromkeys(NAMES, 0) for pk in location_ids}
    for row in fetch(availability.TOTALS_BY_IDS, {"ids": location_ids}):
        counts[row.location_id] = {name: getattr(row, name) for name in NAMES}
    return counts


def _list(rows: list[Any]) -> str:
    return f"[{','.join(row.status for row in rows)}]"
