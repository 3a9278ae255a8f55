"""Claim webhooks, and end those to closed endpoints."""

from __future__ import annotations

# Of each endpoint that is ready: what is due and first in its queue, by the indexes
# `notification_destination_due` and `notification_queue` (whose conditions are repeated here as literals). An
# endpoint in trouble gets a single message and is paused at once: that message is the probe of all workers.
CLAIM = """
WITH ready AS MATERIALIZED (
    SELECT subject, failures FROM notifications_destination
    WHERE closed_at IS NULL AND (paused_until IS NULL OR paused_until <= %(now)s)
      AND subject <> ALL(%(busy)s)
    ORDER BY random()  -- so that no endpoint is always the last
), due AS MATERIALIZED (
    SELECT head.id, ready.subject, ready.failures
    FROM ready CROSS JOIN LATERAL (
        SELECT message.id FROM notifications_notification message
        WHERE message.subject = ready.subject AND message.channel = 'webhook'
          AND message.status IN ('pending', 'sending')
          AND COALESCE(message.leased_until, message.next_attempt_at) <= %(now)s
          AND NOT EXISTS (
              SELECT FROM notifications_notification earlier
              WHERE earlier.subject = message.subject AND earlier.queue = message.queue
                AND earlier.id < message.id AND earlier.channel = 'webhook' AND message.queue <> ''
                AND earlier.status IN ('pending', 'sending')
          )
        ORDER BY message.priority, COALESCE(message.leased_until, message.next_attempt_at)
        LIMIT CASE WHEN ready.failures >= %(failures_to_pause)s THEN 1 ELSE %(at_once)s END
        FOR UPDATE SKIP LOCKED
    ) head
    LIMIT %(size)s
), probing AS (
    UPDATE notifications_destination destination SET paused_until = %(leased_until)s
    FROM due WHERE destination.subject = due.subject AND due.failures >= %(failures_to_pause)s
)
UPDATE notifications_notification AS message
SET status = 'sending', lease_token = %(token)s, leased_until = %(leased_until)s, attempts = attempts + 1
FROM due WHERE message.id = due.id
RETURNING message.*, due.failures AS failures_before
"""

# What still waits for an endpoint that was closed, a batch at a time.
END = """
WITH ended AS (
    SELECT message.id, destination.closed_reason
    FROM notifications_destination destination CROSS JOIN LATERAL (
        SELECT id FROM notifications_notification
        WHERE subject = destination.subject AND channel = 'webhook' AND status IN ('pending', 'sending')
          AND coalesce(leased_until, '-infinity') <= %(now)s
        LIMIT %(size)s FOR UPDATE SKIP LOCKED
    ) message
    WHERE destination.closed_at IS NOT NULL LIMIT %(size)s
)
UPDATE notifications_notification AS message
SET status = 'suppressed', reason = ended.closed_reason, lease_token = NULL, leased_until = NULL
FROM ended WHERE message.id = ended.id
RETURNING message.id
"""
