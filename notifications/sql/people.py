"""Claim messages to people, and record that one was sent."""

from __future__ import annotations

# The order is that of the index `notification_due`. The index's condition is repeated as a literal, because a
# generic plan could not use the index otherwise.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM notifications_notification
    WHERE channel = %(channel)s AND status IN ('pending', 'sending')
      AND COALESCE(leased_until, next_attempt_at) <= %(now)s
    ORDER BY priority, COALESCE(leased_until, next_attempt_at)
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
)
UPDATE notifications_notification AS row
SET status = 'sending', lease_token = %(token)s, leased_until = %(leased_until)s, attempts = attempts + 1
FROM due WHERE row.id = due.id
RETURNING row.*
"""

# Run once for each message; the ORM would build this statement again each time.
SENT = """
UPDATE notifications_notification
SET status = 'sent', sent_at = %s, provider = %s, provider_id = %s, reason = '',
    lease_token = NULL, leased_until = NULL
WHERE id = %s AND lease_token = %s
"""
