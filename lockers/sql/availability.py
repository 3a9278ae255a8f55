"""Count the compartments of locations by size and status, as JSON."""

from __future__ import annotations

from functools import partial

from lockers.models import Size
from lockers.sql.status_counts import COUNTS

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
BY_CODE = _status_of(where="location.code = %(location_code)s AND NOT location.sandbox")
BY_IDS = _status_of(where="location.id = ANY(%(ids)s)")
ALL = _status_of(where="NOT location.sandbox")

_TOTALS = """
SELECT location_id, {counts} FROM lockers_compartment WHERE location_id = ANY(%(ids)s) GROUP BY location_id
"""
TOTALS_BY_IDS = _TOTALS.format(counts=COUNTS)
