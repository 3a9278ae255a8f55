"""Messages to recipients: one for each event that they are told of."""

# ruff: noqa: S608 - every part of these statements is a constant

from __future__ import annotations

from notifications import quiet_hours
from notifications.channels.people import ADDRESS_FIELDS
from notifications.channels.registry import CHANNELS
from packages_app.invariants.invariant import Invariant, values
from packages_app.life.lifecycle import TOLD

_ADDRESSES = ", ".join(f"('{channel}', recipient.{field})" for channel, field in ADDRESS_FIELDS.items())
_RINGING = ", ".join(f"'{channel}'" for channel, info in CHANNELS.items() if info.rings)
_TOLD = values((event, before, kind) for (event, before), kind in TOLD.items())

MESSAGES = (
    Invariant(
        "I13",
        "Every event that a recipient is told of has one message per channel, and every message its event "
        "(except for recipients whose personal data were erased)",
        f"""
        WITH expected AS (
            SELECT 'event:' || line.id || ':' || address.channel AS key, told.kind, address.channel,
                   'package:' || line.package_id AS subject
            FROM packages_app_packageevent line
            JOIN (VALUES {_TOLD}) told (event, from_status, kind)
              ON told.event = line.event AND told.from_status = line.from_status
            JOIN packages_app_package package ON package.id = line.package_id
            JOIN packages_app_recipient recipient ON recipient.id = package.recipient_id
            CROSS JOIN LATERAL (VALUES {_ADDRESSES}) address (channel, value)
            WHERE address.value <> '' AND recipient.only_channel IN ('', address.channel)
        ), erased AS (
            SELECT 'package:' || package.id AS subject FROM packages_app_package package
            JOIN packages_app_recipient recipient ON recipient.id = package.recipient_id
            WHERE recipient.erased_at IS NOT NULL
        ), found AS (
            SELECT dedup_key AS key, count(*) AS rows, min(id) AS notification_id, min(kind) AS kind,
                   min(channel) AS channel, min(subject) AS subject
            FROM notifications_notification
            WHERE dedup_key LIKE 'event:%' AND subject NOT IN (SELECT subject FROM erased)
            GROUP BY dedup_key
        )
        SELECT key, expected.subject, expected.kind AS due, found.rows, found.kind, found.notification_id
        FROM expected FULL JOIN found USING (key)
        WHERE found.rows IS DISTINCT FROM 1
           OR (found.kind, found.channel, found.subject)
              IS DISTINCT FROM (expected.kind, expected.channel, expected.subject)
        """,
    ),
    Invariant(
        "I14",
        "Every message is sent, ended with a reason, being sent by a live worker, or due within an hour "
        "(to a webhook: 27 hours; an SMS in quiet hours: 25 hours)",
        f"""
        SELECT message.id AS notification_id, message.status, message.next_attempt_at, message.leased_until,
               message.sent_at, message.receipt_at
        FROM notifications_notification message
        LEFT JOIN (
            SELECT channel, max(opened_at) AS opened_at FROM notifications_channelstate GROUP BY channel
        ) state USING (channel)
        LEFT JOIN notifications_destination destination ON destination.subject = message.subject
        WHERE CASE message.status
            WHEN 'pending' THEN message.next_attempt_at > clock_timestamp()
                + CASE WHEN message.channel = 'webhook' THEN interval '27 hours'
                       -- Nearly a day, and the hour by which a clock goes back.
                       WHEN message.channel IN ({_RINGING}) AND message.reason = '{quiet_hours.WAITS}'
                       THEN interval '25 hours'
                       ELSE interval '1 hour' END
            -- A paused channel or endpoint takes one message at a time: the others wait, lease or not.
            WHEN 'sending' THEN message.lease_token IS NULL OR message.leased_until IS NULL
                OR message.leased_until > clock_timestamp() + interval '2 min'
                OR (message.leased_until < clock_timestamp() - interval '30 s' AND state.opened_at IS NULL
                    AND destination.paused_until IS NULL AND destination.closed_at IS NULL)
            WHEN 'sent' THEN message.sent_at IS NULL OR message.receipt_at IS NOT NULL
            WHEN 'delivered' THEN message.sent_at IS NULL OR message.receipt_at IS NULL
            WHEN 'bounced' THEN message.sent_at IS NULL OR message.receipt_at IS NULL OR message.reason = ''
            WHEN 'dead' THEN message.reason = ''
            WHEN 'suppressed' THEN message.reason = ''
            ELSE true
        END
        OR (message.status NOT IN ('sent', 'delivered', 'bounced')
            AND (message.sent_at IS NOT NULL OR message.receipt_at IS NOT NULL))
        OR (message.status <> 'sending'
            AND (message.lease_token IS NOT NULL OR message.leased_until IS NOT NULL))
        """,
    ),
)
