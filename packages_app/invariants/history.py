"""What several invariants ask of the packages' history."""

from __future__ import annotations

# From when until when each package held each door, as its history tells it.
STINTS = """
change AS (
    SELECT id, package_id, event, compartment_id, at,
           compartment_id IS DISTINCT FROM lag(compartment_id) OVER history AS changed
    FROM packages_app_packageevent WINDOW history AS (PARTITION BY package_id ORDER BY id)
), stint AS (
    SELECT id, package_id, event, compartment_id, at AS since,
           coalesce(lead(at) OVER (PARTITION BY package_id ORDER BY id), 'infinity') AS until
    FROM change WHERE changed
)
"""
LAST_LINE = """
last_line AS (
    SELECT DISTINCT ON (package_id) package_id, to_status, compartment_id
    FROM packages_app_packageevent ORDER BY package_id, id DESC
)
"""
LINES = """
line AS (
    SELECT id, package_id, event, from_status, to_status, at,
           coalesce(lag(to_status) OVER history, '') AS before, lag(at) OVER history AS at_before
    FROM packages_app_packageevent
    WINDOW history AS (PARTITION BY package_id ORDER BY id)
)
"""
