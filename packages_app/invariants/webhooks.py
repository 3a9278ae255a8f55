"""Messages to couriers' webhooks."""

# ruff: noqa: S608 - every part of these statements is a constant

from __future__ import annotations

from packages_app.invariants.invariant import Invariant, values
from packages_app.life.lifecycle import ANNOUNCED

_ANNOUNCED = values((event, before, kind) for (event, before), kind in ANNOUNCED.items())

WEBHOOKS = (
    Invariant(
        "W1",
        "No webhook gets a message before it got the earlier ones of the same queue",
        """
        SELECT earlier.subject, earlier.queue, earlier.id AS earlier_id, later.id AS later_id, later.status
        FROM notifications_notification earlier
        JOIN notifications_notification later
          ON later.subject = earlier.subject AND later.queue = earlier.queue AND later.id > earlier.id
        WHERE earlier.channel = 'webhook' AND earlier.queue <> '' AND later.channel = 'webhook'
          AND earlier.status IN ('pending', 'sending') AND later.status IN ('sent', 'sending')
        """,
    ),
    Invariant(
        "W2",
        "A webhook's message about an event has the kind of that event, and a package of its own courier",
        f"""
        WITH told AS (
            SELECT id, kind, subject, queue, context #>> '{{package,id}}' AS package_id,
                   substring(dedup_key FROM ':event:(\\d+)$')::bigint AS event_id
            FROM notifications_notification WHERE channel = 'webhook' AND dedup_key ~ ':event:\\d+$'
        )
        SELECT told.id AS notification_id, told.subject, told.kind, told.event_id, package.courier_id
        FROM told
        LEFT JOIN packages_app_packageevent line ON line.id = told.event_id
        LEFT JOIN packages_app_package package ON package.id = line.package_id
        LEFT JOIN packages_app_webhook webhook ON webhook.destination_id = told.subject
        LEFT JOIN (VALUES {_ANNOUNCED}) announced (event, from_status, kind)
          ON announced.event = line.event AND announced.from_status = line.from_status
        WHERE line.id IS NULL OR told.package_id IS DISTINCT FROM line.package_id::text
           OR webhook.courier_id <> package.courier_id OR announced.kind <> told.kind
           OR told.queue NOT IN ('', 'package:' || line.package_id)
        """,
    ),
    Invariant(
        "W3",
        "Every change of a package's status was announced to the webhooks of its courier that ask for it",
        f"""
        SELECT line.id AS event_id, line.package_id, announced.kind, webhook.destination_id
        FROM packages_app_webhook webhook
        JOIN notifications_destination destination ON destination.subject = webhook.destination_id
        JOIN packages_app_package package ON package.courier_id = webhook.courier_id
        JOIN packages_app_packageevent line ON line.package_id = package.id
        JOIN (VALUES {_ANNOUNCED}) announced (event, from_status, kind)
          ON announced.event = line.event AND announced.from_status = line.from_status
        -- A minute, for transactions that had begun when the endpoint was opened.
        WHERE destination.closed_at IS NULL AND line.at > destination.opened_at + interval '1 minute'
          AND announced.kind = ANY(webhook.events)
          AND NOT EXISTS (
              SELECT FROM notifications_notification message
              WHERE message.dedup_key = webhook.destination_id || ':event:' || line.id
          )
        """,
    ),
)
