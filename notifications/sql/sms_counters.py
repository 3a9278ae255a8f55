"""Lock the counters of the SMS limits."""

from __future__ import annotations

# Rows are locked in the order of their keys, so that two workers cannot deadlock.
LOCK = """
INSERT INTO notifications_tally (key, day)
SELECT key, %s FROM unnest(%s::text[]) AS key ORDER BY key COLLATE "C"
ON CONFLICT (key) DO UPDATE SET day = EXCLUDED.day RETURNING key, used, refused
"""
