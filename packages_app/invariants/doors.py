"""Compartments, and the packages that occupy them."""

# ruff: noqa: S608 - every part of these statements is a constant

from __future__ import annotations

from packages_app.invariants.history import LAST_LINE, STINTS
from packages_app.invariants.invariant import Invariant
from packages_app.life.lifecycle import Event, Status

DOORS = (
    Invariant(
        "I1",
        "No compartment is occupied by two packages",
        """
        SELECT compartment_id, count(*) AS packages, min(id::text) AS one, max(id::text) AS other
        FROM packages_app_package WHERE released_at IS NULL
        GROUP BY compartment_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I2",
        "In the history, no compartment was ever occupied by two packages at the same time",
        f"""
        WITH {STINTS}, turn AS (
            SELECT compartment_id, package_id, since, until,
                   lead(package_id) OVER door AS next_package_id, lead(since) OVER door AS next_since
            FROM stint WHERE compartment_id IS NOT NULL
            WINDOW door AS (PARTITION BY compartment_id ORDER BY since, until, id)
        )
        SELECT compartment_id, package_id, nullif(until, 'infinity') AS until, next_package_id, next_since
        FROM turn WHERE next_since < until
        """,
    ),
    Invariant(
        "I3-fit",
        "A package is at its own location, in a compartment no smaller than it needs",
        """
        SELECT package.id AS package_id, package.location_id, package.size, package.compartment_id,
               door.location_id AS door_location_id, locker.location_id AS locker_location_id,
               door.size AS door_size
        FROM packages_app_package package
        JOIN lockers_compartment door ON door.id = package.compartment_id
        JOIN lockers_locker locker ON locker.id = door.locker_id
        WHERE door.size < package.size OR door.location_id <> package.location_id
           OR locker.location_id <> door.location_id
        """,
    ),
    Invariant(
        "I3-door",
        "A compartment is reserved or occupied exactly when a package reserves or occupies it",
        f"""
        SELECT door.id AS compartment_id, door.occupancy, package.id AS package_id, package.status
        FROM lockers_compartment door
        LEFT JOIN packages_app_package package
               ON package.compartment_id = door.id AND package.released_at IS NULL
        WHERE CASE
            WHEN package.id IS NULL THEN door.occupancy NOT IN ('empty', 'unverified')
            WHEN package.status = '{Status.PENDING}' THEN door.occupancy <> 'reserved'
            ELSE door.occupancy NOT IN ('occupied', 'doubtful')
        END
        """,
    ),
    Invariant(
        "I3-history",
        "The last line of a package's history names the compartment that it occupies, or none",
        f"""
        WITH {LAST_LINE}
        SELECT package.id AS package_id, package.compartment_id, package.released_at,
               last_line.compartment_id AS in_history
        FROM packages_app_package package JOIN last_line ON last_line.package_id = package.id
        WHERE last_line.compartment_id IS DISTINCT FROM
              CASE WHEN package.released_at IS NULL THEN package.compartment_id END
        """,
    ),
    Invariant(
        "I3-service",
        "No compartment was given out while out of service (except to the package whose door stayed shut)",
        f"""
        WITH {STINTS}, turned AS (
            SELECT compartment_id, kind, at AS since,
                   coalesce(lead(at) OVER (PARTITION BY compartment_id ORDER BY id), 'infinity') AS until
            FROM lockers_compartmentevent WHERE kind IN ('taken_out', 'put_back')
        )
        SELECT compartment_id, stint.package_id, stint.since AS given_out, turned.since AS out_of_service
        FROM stint JOIN turned USING (compartment_id)
        WHERE turned.kind = 'taken_out' AND stint.since > turned.since AND stint.since < turned.until
          AND stint.event <> '{Event.DOOR_FAILED}'
        """,
    ),
    Invariant(
        "I5",
        "At each location, the compartments of all states add up and match the packages that occupy them",
        """
        WITH doors AS (
            SELECT location_id, count(*) AS total,
                   count(*) FILTER (WHERE works AND occupancy = 'empty') AS available,
                   count(*) FILTER (WHERE works AND occupancy IN ('unverified', 'doubtful')) AS unverified,
                   count(*) FILTER (WHERE works AND occupancy = 'reserved') AS reserved,
                   count(*) FILTER (WHERE works AND occupancy = 'occupied') AS occupied,
                   count(*) FILTER (WHERE NOT works) AS out_of_service,
                   count(*) FILTER (WHERE occupancy IN ('reserved', 'occupied', 'doubtful')) AS held
            FROM lockers_compartment, LATERAL (SELECT out_of_service_at IS NULL AS works) service
            GROUP BY location_id
        ), packages AS (
            SELECT location_id, count(*) AS packages
            FROM packages_app_package WHERE released_at IS NULL GROUP BY location_id
        )
        SELECT doors.*, coalesce(packages, 0) AS packages
        FROM doors FULL JOIN packages USING (location_id)
        WHERE total IS DISTINCT FROM available + unverified + reserved + occupied + out_of_service
           OR held IS DISTINCT FROM coalesce(packages, 0)
        """,
    ),
)
