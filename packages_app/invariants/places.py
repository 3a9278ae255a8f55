"""Locations: downtimes, and the sandbox."""

# ruff: noqa: S608 - every part of these statements is a constant

from __future__ import annotations

from packages_app.invariants.invariant import Invariant
from packages_app.life.lifecycle import Event

PLACES = (
    Invariant(
        "I22-world",
        "A package is at a sandbox location exactly if its courier is a sandbox twin",
        """
        SELECT package.id AS package_id, package.courier_id, package.location_id
        FROM packages_app_package package
        JOIN packages_app_courier courier ON courier.id = package.courier_id
        JOIN lockers_location location ON location.id = package.location_id
        WHERE location.sandbox <> (courier.twin_of_id IS NOT NULL)
        """,
    ),
    Invariant(
        "I21-down",
        "A location has an open downtime for its suspension exactly while suspended, and at most one in all",
        """
        SELECT location.id AS location_id, location.suspended_at, downtime.id AS downtime_id, downtime.cause
        FROM lockers_location location
        LEFT JOIN lockers_downtime downtime
               ON downtime.location_id = location.id AND downtime.ended_at IS NULL
        WHERE (location.suspended_at IS NOT NULL) <> coalesce(downtime.cause = 'suspended', false)
        UNION ALL
        SELECT location_id, NULL, min(id), count(*)::text FROM lockers_downtime
        WHERE ended_at IS NULL GROUP BY location_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I21-clock",
        "Where the hold clock is stopped a downtime is open, and the downtimes of a location do not overlap",
        """
        SELECT location_id, id AS downtime_id, NULL::bigint AS other FROM lockers_downtime downtime
        WHERE settled_at IS NULL AND NOT EXISTS (
            SELECT FROM lockers_downtime open
            WHERE open.location_id = downtime.location_id AND open.ended_at IS NULL)
        UNION ALL
        SELECT one.location_id, one.id, other.id FROM lockers_downtime one
        JOIN lockers_downtime other ON other.location_id = one.location_id AND other.id > one.id
        WHERE one.began_at < coalesce(other.ended_at, 'infinity')
          AND other.began_at < coalesce(one.ended_at, 'infinity')
        """,
    ),
    Invariant(
        "I21-given",
        "A package that got time back for a downtime has a line of history for it",
        f"""
        SELECT package.id AS package_id, package.stood_still FROM packages_app_package package
        WHERE package.stood_still <> interval '0' AND NOT EXISTS (
            SELECT FROM packages_app_packageevent line
            WHERE line.package_id = package.id AND line.event = '{Event.LOCATION_RESUMED}')
        """,
    ),
)
