"""Many packages whose hold has just ended, at a location with a compartment for each."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from bench import world

CODE = "DUE"
FIRST = 10_000_000  # ids of recipients, higher than all others


def make_compartments(rows: int) -> None:
    """Create a location with a compartment for each package."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO lockers_location (code, name, country, region, city, address, time_zone, hold_days,"
            " max_hold_days, strategy, suspended_reason) VALUES (%s, 'Sweep', 'EE', '', '', '', 'UTC', 3, 14,"
            " 'best_fit', '') RETURNING id",
            [CODE],
        )
        (location,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO lockers_locker (location_id, name) VALUES (%s, 'A') RETURNING id", [location]
        )
        (locker,) = cursor.fetchone()
        cursor.execute(
            'INSERT INTO lockers_compartment (location_id, locker_id, label, size, position, "column", "row",'
            " accessible, occupancy, out_of_service_reason)"
            " SELECT %s, %s, n, 1, n, n / 1000 + 1, n %% 1000 + 1, false, 'empty', ''"
            " FROM generate_series(1, %s) n",
            [location, locker, rows],
        )


def drop_compartments() -> None:
    """Delete the location."""
    world.reset()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for table in ("lockers_compartment", "lockers_locker"):
            cursor.execute(
                f"DELETE FROM {table} WHERE location_id = (SELECT id FROM lockers_location WHERE code = %s)",
                [CODE],
            )
        cursor.execute("DELETE FROM lockers_location WHERE code = %s", [CODE])


def make(rows: int) -> None:
    """Create packages whose hold has just ended, with recipients and history."""
    world.reset()
    past = timezone.now() - timedelta(hours=1)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO packages_app_recipient (id, name, email, phone, language)"
            " SELECT %s + n, 'R', 'r' || n || '@example.com', '+37255512345', 'en'"
            " FROM generate_series(1, %s) n",
            [FIRST, rows],
        )
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('packages_app_recipient', 'id'), %s)", [FIRST + rows]
        )
        cursor.execute("ANALYZE packages_app_recipient")  # see past.py
        cursor.execute(
            "INSERT INTO packages_app_package (id, courier_id, tracking_number, location_id, compartment_id,"
            " recipient_id, size, accessible, status, created_at, stored_at, expires_at, code_version,"
            " code_secret, code_mac)"
            " SELECT md5('due' || n)::uuid, (SELECT min(id) FROM packages_app_courier), 'S' || n,"
            " d.location_id, d.id, %s + n, 1, false, 'STORED', %s, %s, %s + n * interval '1 ms', 1, 1,"
            " sha256(n::text::bytea)"
            " FROM (SELECT row_number() OVER (ORDER BY c.id) n, c.id, c.location_id"
            " FROM lockers_compartment c JOIN lockers_location l ON l.id = c.location_id"
            " WHERE l.code = %s) d",
            [FIRST, past, past, past, CODE],
        )
        cursor.execute("ANALYZE packages_app_package")
        cursor.execute(
            "UPDATE lockers_compartment SET occupancy = 'occupied'"
            " WHERE location_id = (SELECT id FROM lockers_location WHERE code = %s)",
            [CODE],
        )
        cursor.execute(
            "INSERT INTO packages_app_packageevent"
            " (package_id, event, from_status, to_status, by, compartment_id)"
            " SELECT id, step.event, step.before, step.after, 'bench', compartment_id"
            " FROM packages_app_package, (VALUES (1, 'assigned', '', 'PENDING'),"
            " (2, 'deposited', 'PENDING', 'STORED')) step (number, event, before, after)"
            " WHERE status = 'STORED'"
            " ORDER BY id, step.number"
        )
    world.analyse()
