"""Expiry as one statement for many packages: row for row what `move_to` does (a test compares)."""

from __future__ import annotations

from notifications import outbox
from packages_app.life.lifecycle import Event, Status
from packages_app.sql import message_rows, webhook_rows
from packages_app.sql.conditions import CLOCK_STANDS

_MESSAGES = message_rows.event_rows(
    Event.EXPIRED,
    Status.STORED,
    packages="moved",
    recipients="""history
    JOIN moved ON moved.id = history.package_id
    JOIN packages_app_recipient recipient ON recipient.id = moved.recipient_id""",
)

# It steps over rows that others have locked, so that two sweeps share the work.
EXPIRE = f"""
WITH due AS MATERIALIZED (
    SELECT id FROM packages_app_package
    WHERE status = '{Status.STORED}' AND expires_at <= %(now)s AND location_id NOT IN {CLOCK_STANDS}
    ORDER BY expires_at LIMIT %(batch)s
    FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE packages_app_package package SET status = '{Status.EXPIRED}', updated_at = clock_timestamp()
    FROM due WHERE package.id = due.id
    RETURNING {webhook_rows.PACKAGE_COLUMNS}, package.recipient_id
), history AS (
    INSERT INTO packages_app_packageevent (package_id, event, from_status, to_status, by, compartment_id)
    SELECT id, '{Event.EXPIRED}', '{Status.STORED}', '{Status.EXPIRED}', %(by)s, compartment_id FROM moved
    RETURNING id, package_id, event, at
), messages AS (
    {outbox.insert_select(_MESSAGES)}
)
SELECT count(*) AS expired, {message_rows.ANNOUNCES} FROM moved
"""
