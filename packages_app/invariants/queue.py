"""The queue: entries, and the packages that they became."""

from __future__ import annotations

from packages_app.invariants.invariant import Invariant

QUEUE = (
    Invariant(
        "I23-granted",
        "A queue entry became one package, of its own courier, tracking number and location, or none",
        """
        SELECT entry.id AS entry_id, entry.status, entry.package_id, package.location_id
        FROM packages_app_queueentry entry
        LEFT JOIN packages_app_package package ON package.id = entry.package_id
        WHERE (entry.status = 'GRANTED') <> (package.id IS NOT NULL)
           OR (package.courier_id, package.tracking_number, package.location_id)
              <> (entry.courier_id, entry.tracking_number, entry.location_id)
        UNION ALL
        SELECT min(id::text)::uuid, 'GRANTED', package_id, NULL FROM packages_app_queueentry
        WHERE package_id IS NOT NULL GROUP BY package_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I23-pairs",
        "A waiting entry has a recipient and no end; an ended one has an end and no personal data",
        """
        SELECT id AS entry_id, status, ended_at FROM packages_app_queueentry
        WHERE (status = 'WAITING') <> (ended_at IS NULL) OR (status = 'WAITING') <> (recipient_id IS NOT NULL)
        """,
    ),
    Invariant(
        "I23-end",
        "No entry waits more than 60 s past its end",
        """
        SELECT id AS entry_id, location_id, expires_at FROM packages_app_queueentry
        WHERE status = 'WAITING' AND expires_at < clock_timestamp() - interval '60 s'
        """,
    ),
)
