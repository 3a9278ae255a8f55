"""Packages of the past: PostgreSQL plans differently for a network without any history."""

from __future__ import annotations

from django.db import connection


def add(packages: int) -> None:
    """Add packages that were picked up long ago, spread over the locations, with recipients and history."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM packages_app_recipient")
        (first,) = cursor.fetchone()
        last = first + packages - 1
        cursor.execute(
            "INSERT INTO packages_app_recipient (id, name, email, phone, language)"
            " SELECT n, 'R', 'r' || n || '@example.com', '+37255512345', 'en' FROM generate_series(%s, %s) n",
            [first, last],
        )
        cursor.execute("SELECT setval(pg_get_serial_sequence('packages_app_recipient', 'id'), %s)", [last])
        # Until this, the checks of foreign keys keep the plans from when the tables were empty.
        cursor.execute("ANALYZE packages_app_recipient")
        cursor.execute(
            "INSERT INTO packages_app_package (id, courier_id, tracking_number, location_id, compartment_id,"
            " recipient_id, size, accessible, status, created_at, stored_at, expires_at, retrieved_at,"
            " released_at, code_version, code_secret)"
            " SELECT md5(n::text)::uuid, (SELECT min(id) FROM packages_app_courier), 'P' || n, d.location_id,"
            " d.id, n, 1, false, 'RETRIEVED', at.start, at.start, at.start + interval '3 days',"
            " at.start + interval '1 minute', at.start + interval '1 minute', 1, 1"
            " FROM generate_series(%s, %s) n"
            " JOIN (SELECT id, location_id, row_number() OVER (ORDER BY position, id) AS place,"
            " count(*) OVER () AS doors FROM lockers_compartment WHERE size = 1 AND location_id IN"
            " (SELECT id FROM lockers_location WHERE code LIKE 'L%%')) d"
            " ON d.place = n %% d.doors + 1,"
            " LATERAL (SELECT now() - interval '5 days' - n * interval '2 minutes' AS start) at",
            [first, last],
        )
        cursor.execute("ANALYZE packages_app_package")
        cursor.execute(
            "INSERT INTO packages_app_packageevent"
            " (package_id, at, event, from_status, to_status, by, compartment_id)"
            " SELECT id, stored_at + step.minutes * interval '1 minute', step.event, step.before, step.after,"
            " 'bench', CASE WHEN step.after <> 'RETRIEVED' THEN compartment_id END"
            " FROM packages_app_package, (VALUES (1, 'assigned', '', 'PENDING', 0),"
            " (2, 'deposited', 'PENDING', 'STORED', 0), (3, 'retrieved', 'STORED', 'RETRIEVED', 1))"
            " step (number, event, before, after, minutes)"
            " WHERE NOT EXISTS (SELECT FROM packages_app_packageevent known"
            " WHERE known.package_id = packages_app_package.id)"
            " ORDER BY stored_at, id, step.number"
        )
        cursor.execute(
            "INSERT INTO notifications_notification (kind, channel, subject, dedup_key, status, sent_at)"
            " SELECT CASE event WHEN 'deposited' THEN 'stored' ELSE 'retrieved' END, channel,"
            " 'package:' || package_id, 'event:' || id || ':' || channel, 'sent', at"
            " FROM packages_app_packageevent, unnest(ARRAY['email', 'sms']) channel"
            " WHERE event IN ('deposited', 'retrieved')"
            " ON CONFLICT DO NOTHING"
        )
