"""Remind recipients before the hold period of their packages ends."""

# ruff: noqa: S608 - every part of the statement is a constant

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.db import transaction

from common.operation import Step, Sweep
from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks
from notifications import outbox
from packages_app.life import webhook_rows
from packages_app.life.lifecycle import DEFAULT_PRIORITY, Status

BATCH = 200
REST = 1.0  # times as long as the batch took; see `expire_due`

# Another `expires_at` is another hold, of which nobody was reminded.
_DONE = "CASE WHEN package.reminded_for = package.expires_at THEN package.reminders ELSE 0 END"

_ANNOUNCED = webhook_rows.rows_sql(
    source="told",
    event_type="'package.reminder_sent'",
    courier_id="told.courier_id",
    queue="'package:' || told.id",
    cause="told.cause",
    context=f"""jsonb_build_object('at', clock_timestamp(), 'event', NULL,
                           'package', {webhook_rows.package_facts("told")},
                           'data', jsonb_build_object('reminder', told.kind))""",
)
_MESSAGES = f"""
    SELECT told.kind, channel.name, 'package:' || told.id, told.cause || ':' || channel.name,
           {DEFAULT_PRIORITY}, '', jsonb_build_object('until', told.expires_at)
    FROM told
    CROSS JOIN LATERAL (VALUES ('email', told.email), ('sms', told.phone)) channel (name, address)
    WHERE channel.address <> '' AND told.only_channel IN ('', channel.name)
    UNION ALL {_ANNOUNCED}
    ON CONFLICT (dedup_key) DO NOTHING
"""

# `stage` 1 is the first reminder, 2 the last one; a package that is due for both gets the last one only. What
# has changed since it was due, or shortly before, was told its end with that: it is marked and not reminded.
# No index of its own: every drop-off would pay for it. What ends within the longest time that any location
# sets is read in the order of its end, each batch from where the last one ended.
_REMIND = f"""
WITH held AS MATERIALIZED (
    SELECT package.*, stage.number AS stage, stage.kind,
           package.expires_at - stage.before > package.updated_at + interval '1 hour' AS wanted
    FROM packages_app_package package
    JOIN lockers_location location ON location.id = package.location_id
    CROSS JOIN LATERAL (VALUES
        (1, 'reminder', make_interval(hours => location.reminder_hours)),
        (2, 'reminder_last', make_interval(hours => location.reminder_last_hours))
    ) stage (number, kind, before)
    WHERE package.status = '{Status.STORED}' AND package.held_at IS NULL
      AND location.id NOT IN (SELECT location_id FROM lockers_downtime WHERE settled_at IS NULL)
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
    UPDATE packages_app_package package SET reminders = held.stage, reminded_for = held.expires_at
    FROM held WHERE package.id = held.id
    RETURNING package.id
), told AS MATERIALIZED (
    SELECT held.*, recipient.email, recipient.phone, recipient.only_channel,
           'r' || held.stage || ':' || replace(held.id::text, '-', '') || ':'
           || extract(epoch FROM held.expires_at)::bigint AS cause
    FROM held
    JOIN marked ON marked.id = held.id
    JOIN packages_app_recipient recipient ON recipient.id = held.recipient_id
    WHERE held.wanted AND (recipient.email <> '' OR recipient.phone <> '')
), messages AS (
    {outbox.insert_select(_MESSAGES)}
)
SELECT (SELECT count(*) FROM marked) AS marked, (SELECT count(*) FROM told) AS reminded,
       (SELECT max(expires_at) FROM held) AS ends_until,
       (SELECT bool_or(channel = 'webhook') FROM messages) AS announces
"""


@Sweep
def remind_due(*, now: datetime, batch: int = BATCH) -> int:
    """Remind recipients whose hold period ends soon, and tell couriers' webhooks; return how many packages.

    At the location's `reminder_hours` and `reminder_last_hours` before the end, each once in a hold period:
    an extension begins a new one. Nobody is reminded of what they were told within the hour before, of a
    package on hold, or while the deadlines of a location are paused. Each batch is a transaction of its
    own and skips rows that others have locked.
    """
    reminded: int = 0
    ends_from = now
    while True:
        begun = time.monotonic()
        done = _remind_batch(now=now, batch=batch, ends_from=ends_from)
        reminded += done.reminded
        if done.marked < batch:
            return reminded
        ends_from = done.ends_until
        time.sleep((time.monotonic() - begun) * REST)


@Step
def _remind_batch(*, now: datetime, batch: int, ends_from: datetime) -> Any:
    (row,) = fetch(_REMIND, {"now": now, "batch": batch, "ends_from": ends_from})
    if row.reminded:
        transaction.on_commit(nudge, robust=True)
    if row.announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    return row
