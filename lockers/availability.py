"""How many doors are free, counted from the doors themselves.

One location is counted when asked: that takes 0.1 ms, a cache would only make it wrong. The whole network
(77,400 doors: 70 ms) is counted once for all who ask within a moment (`sharing.py`).
"""

from __future__ import annotations

import json
from typing import Any

from lockers import errors
from lockers.clock import moment
from lockers.models import Size
from lockers.sharing import shared
from lockers.sql import fetch

# A broken door is shown as broken, whatever lies in it: `Compartment.status`.
_COUNT = """
SELECT location.id, location.code, compartment.size, statement_timestamp() AS as_of,
       count(compartment.id) AS total,
       count(*) FILTER (WHERE occupancy = 'empty' AND out_of_service_at IS NULL) AS available,
       count(*) FILTER (WHERE occupancy = 'reserved' AND out_of_service_at IS NULL) AS reserved,
       count(*) FILTER (WHERE occupancy = 'occupied' AND out_of_service_at IS NULL) AS occupied,
       count(*) FILTER (WHERE out_of_service_at IS NOT NULL) AS out_of_service,
       count(*) FILTER (WHERE occupancy IN ('unverified', 'doubtful') AND out_of_service_at IS NULL)
           AS unverified
FROM lockers_location location
LEFT JOIN lockers_compartment compartment ON compartment.location_id = location.id
WHERE {where}
GROUP BY location.id, compartment.size
"""
_BY_CODE = _COUNT.format(where="location.code = %(code)s AND NOT location.sandbox")
_BY_ID = _COUNT.format(where="location.id = %(id)s")
_BY_IDS = _COUNT.format(where="location.id = ANY(%(ids)s)") + "ORDER BY location.code"
_ALL = _COUNT.format(where="NOT location.sandbox") + "ORDER BY location.code"

_NO_DOORS = dict.fromkeys(("total", "available", "reserved", "occupied", "out_of_service", "unverified"), 0)

Item = dict[str, Any]


def of_code(code: str) -> Item:
    """The location's doors by size and status, every size present. Raises `UnknownLocation`.

    The sandbox is no part of the network: see `of_ids`.
    """
    rows = fetch(_BY_CODE, {"code": code})
    if not rows:
        raise errors.UnknownLocation
    return _item(rows)


def of_id(location_id: int) -> Item:
    """The same for a location that is known to exist."""
    return _item(fetch(_BY_ID, {"id": location_id}))


def totals(location_ids: list[int]) -> dict[int, dict[str, int]]:
    """Each location's doors by status, all sizes together, `total` among them."""
    found = {pk: dict(_NO_DOORS) for pk in location_ids}
    for row in fetch(_BY_IDS, {"ids": location_ids}):
        for name in _NO_DOORS:
            found[row.id][name] += getattr(row, name)
    return found


def of_all() -> list[Item]:
    """The same for the whole network, in the order of the codes."""
    return _items(fetch(_ALL, {}))


def network_json() -> str:
    """`of_all` as JSON text, counted at most `settings.SHARED_ANSWERS_SECONDS` ago."""
    return shared("network", lambda: json.dumps(of_all()))


def of_ids(location_ids: list[int]) -> list[Item]:
    """The same for some locations, which may be the sandbox's."""
    return _items(fetch(_BY_IDS, {"ids": location_ids}))


def _items(rows: list[Any]) -> list[Item]:
    by_code: dict[str, list[Any]] = {}
    for row in rows:
        by_code.setdefault(row.code, []).append(row)
    return [_item(rows) for rows in by_code.values()]


def _item(rows: list[Any]) -> Item:
    counted = {row.size: row for row in rows}
    return {
        "location": rows[0].code,
        "as_of": moment(rows[0].as_of),
        "sizes": [_size(size, counted.get(size)) for size in Size],
    }


def _size(size: Size, row: Any) -> Item:
    if row is None:
        return {"size": size.name, **_NO_DOORS}
    return {"size": size.name, **{name: getattr(row, name) for name in _NO_DOORS}}
