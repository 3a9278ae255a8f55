"""The day on which a location's return lists are written."""

from __future__ import annotations

# Takes the day: who comes second waits for the first, and then gets no row.
TAKE_DAY = """
INSERT INTO packages_app_returnlistday (location_id, day) VALUES (%(location_id)s, %(day)s)
ON CONFLICT (location_id) DO UPDATE SET day = excluded.day
WHERE packages_app_returnlistday.day < excluded.day
RETURNING 1
"""
