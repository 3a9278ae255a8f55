"""What a heartbeat needs to know of its location, in one round trip: every kiosk sends one each minute."""

from __future__ import annotations

LIFE = """
SELECT max(last_seen_at) AS last_seen_at,
       (SELECT sandbox FROM lockers_location WHERE id = %(location_id)s) AS sandbox,
       (SELECT cause FROM lockers_downtime
        WHERE location_id = %(location_id)s AND ended_at IS NULL) AS down
FROM lockers_kiosk WHERE location_id = %(location_id)s
"""
