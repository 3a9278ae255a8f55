"""Count the compartments of every location by size and status, for the snapshots of an hour."""

from __future__ import annotations

from lockers.sql.status_counts import COUNTS, NAMES

_NETWORK = "location_id IN (SELECT id FROM lockers_location WHERE NOT sandbox)"
TAKE = f"""
INSERT INTO lockers_usagesnapshot
    (location_id, size, hour, {", ".join(NAMES)})
SELECT location_id, size, %(hour)s, {COUNTS}
FROM lockers_compartment WHERE {_NETWORK} GROUP BY location_id, size
ON CONFLICT (location_id, size, hour) DO NOTHING
RETURNING 1
"""
BY_SIZE = f"SELECT location_id, size, {COUNTS} FROM lockers_compartment GROUP BY location_id, size"
