"""The reminders of many packages as one statement: it marks them, and writes their messages."""

from __future__ import annotations

from notifications import outbox
from packages_app.life.lifecycle import Status
from packages_app.sql import message_rows, webhook_rows
from packages_app.sql.conditions import CLOCK_STANDS

# Another `expires_at` is another hold, for which no reminder was sent.
_DONE = "CASE WHEN package.reminded_for = package.expires_at THEN package.reminders ELSE 0 END"

_TO_RECIPIENTS = message_rows.recipient_rows(
    "told.kind",
    source="told",
    recipient="told",
    package_id="told.id",
    cause="told.cause",
    context="jsonb_build_object('until', told.expires_at)",
)
_TO_WEBHOOKS = webhook_rows.rows(
    "'package.reminder_sent'",
    source="told",
    courier_id="told.courier_id",
    queue="'package:' || told.id",
    cause="told.cause",
    context=webhook_rows.context(
        at="clock_timestamp()",
        event="NULL",
        package="told",
        data="jsonb_build_object('reminder', told.kind)",
    ),
)
_MESSAGES = f"{_TO_RECIPIENTS} UNION ALL {_TO_WEBHOOKS} ON CONFLICT (dedup_key) DO NOTHING"

# `stage` 1 is the first reminder, 2 the last one; a package that is due for both gets the last one only. If a
# package has changed since it was due, or shortly before, its recipient was told the end then: it is marked,
# not reminded. There is no index for this, because every drop-off would pay for it: packages that end within
# the longest time that any location sets are read in the order of their end, each batch from where the last
# one ended.
REMIND = f"""
WITH due AS MATERIALIZED (
    SELECT package.*, stage.number AS stage, stage.kind,
           package.expires_at - stage.before > package.updated_at + interval '1 hour' AS wanted
    FROM packages_app_package package
    JOIN lockers_location location ON location.id = package.location_id
    CROSS JOIN LATERAL (VALUES
        (1, 'reminder', make_interval(hours => location.reminder_hours)),
        (2, 'reminder_last', make_interval(hours => location.reminder_last_hours))
    ) stage (number, kind, before)
    WHERE package.status = '{Status.STORED}' AND package.held_at IS NULL
      AND location.id NOT IN {CLOCK_STANDS}
      AND package.expires_at > %(now)s AND package.expires_at >= %(ends_from)s
      AND package.expires_at <= %(now)s + (
          SELECT make_interval(hours => greatest(max(reminder_hours), max(reminder_last_hours)))
          FROM lockers_location
      )
      AND package.expires_at <= %(now)s + stage.before
      AND {_DONE} < stage.number
      AND (stage.number = 2
           OR package.expires_at > %(now)s + make_interval(hours => location.reminder_last_hours))
    ORDER BY package.expires_at LIMIT %(batch)s
    FOR NO KEY UPDATE OF package SKIP LOCKED
), marked AS (
    UPDATE packages_app_package package SET reminders = due.stage, reminded_for = due.expires_at
    FROM due WHERE package.id = due.id
    RETURNING package.id
), told AS MATERIALIZED (
    SELECT due.*, {message_rows.recipient_columns("recipient")},
           'r' || due.stage || ':' || replace(due.id::text, '-', '') || ':'
           || extract(epoch FROM due.expires_at)::bigint AS cause
    FROM due
    JOIN marked ON marked.id = due.id
    JOIN packages_app_recipient recipient ON recipient.id = due.recipient_id
    WHERE due.wanted AND {message_rows.has_address("recipient")}
), messages AS (
    {outbox.insert_select(_MESSAGES)}
)
SELECT (SELECT count(*) FROM marked) AS marked, (SELECT count(*) FROM told) AS reminded,
       (SELECT max(expires_at) FROM due) AS ends_until,
       {message_rows.ANNOUNCES}
"""
