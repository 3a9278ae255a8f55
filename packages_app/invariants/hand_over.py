"""Who may pick up a package, and when: packages on hold, delegates."""

# ruff: noqa: S608 - every part of these statements is a constant

from __future__ import annotations

from packages_app.invariants.invariant import Invariant
from packages_app.life.lifecycle import OPEN, Event, Status

# What puts a package on hold, and what ends that.
_HELD = f"""
held AS (
    SELECT package_id, id, event, lag(event) OVER (PARTITION BY package_id ORDER BY id) AS before
    FROM packages_app_packageevent
    WHERE event IN ('{Event.HELD}', '{Event.RELEASED}')
       OR to_status NOT IN ({", ".join(f"'{status}'" for status in OPEN)})
)
"""

HAND_OVER = (
    Invariant(
        "I18",
        "A package is on hold exactly if its history says so, and none was picked up while it was",
        f"""
        WITH {_HELD}, last_held AS (
            SELECT DISTINCT ON (package_id) package_id, event FROM held ORDER BY package_id, id DESC
        )
        SELECT package.id AS package_id, package.status, package.held_at, last_held.event
        FROM packages_app_package package LEFT JOIN last_held ON last_held.package_id = package.id
        WHERE (package.held_at IS NOT NULL) <> (coalesce(last_held.event, '') = '{Event.HELD}')
        UNION ALL
        SELECT package_id, '{Status.RETRIEVED}', NULL, event FROM held
        WHERE event = '{Event.RETRIEVED}' AND before = '{Event.HELD}'
        """,
    ),
    Invariant(
        "I19",
        "A package has at most one delegate, with a code at its own location that nobody else has",
        f"""
        SELECT delegate.id AS delegate_id, delegate.package_id, delegate.withdrawn_at
        FROM packages_app_delegate delegate
        JOIN packages_app_package package ON package.id = delegate.package_id
        WHERE delegate.location_id <> package.location_id
           OR (delegate.code_mac IS NULL) <> (delegate.withdrawn_at IS NOT NULL)
        UNION ALL
        SELECT one.id, one.package_id, one.withdrawn_at FROM packages_app_delegate one
        JOIN packages_app_delegate other USING (package_id)
        WHERE one.id <> other.id AND one.withdrawn_at IS NULL AND other.withdrawn_at IS NULL
        UNION ALL
        SELECT one.id, one.package_id, one.withdrawn_at FROM packages_app_delegate one
        JOIN packages_app_delegate other USING (location_id, code_mac) WHERE one.id <> other.id
        UNION ALL
        SELECT delegate.id, package.id, delegate.withdrawn_at
        FROM packages_app_package package
        LEFT JOIN packages_app_delegate delegate
               ON delegate.package_id = package.id AND delegate.withdrawn_at IS NULL
        WHERE package.collected_by_delegate
          AND (package.status <> '{Status.RETRIEVED}' OR delegate.id IS NULL)
        """,
    ),
    Invariant(
        "I20",
        "A delegate's message is about the package of that delegate",
        """
        SELECT message.id AS notification_id, message.subject, delegate.id AS delegate_id
        FROM notifications_notification message
        LEFT JOIN packages_app_delegate delegate ON delegate.id::text = message.context ->> 'delegate'
        WHERE message.kind = 'delegated'
          AND message.subject IS DISTINCT FROM 'package:' || delegate.package_id
        """,
    ),
)
