"""Packages and the history that led to them."""

# ruff: noqa: S608 - every part of these statements is a constant

from __future__ import annotations

from packages_app.invariants.history import LAST_LINE, LINES
from packages_app.invariants.invariant import Invariant, values
from packages_app.life.lifecycle import OPEN, OUT, RULES, TRANSITIONS, WITH_CODE, Event, Status

_ALLOWED = values(
    (event, before, after) for event, moves in TRANSITIONS.items() for before, after in moves.items()
)
_OPEN, _OUT, _WITH_CODE = (
    ", ".join(f"'{status}'" for status in statuses) for statuses in (OPEN, OUT, WITH_CODE)
)
_MOMENTS = " OR ".join(
    f"(status = '{status}') <> ({rule.moment} IS NOT NULL)" for status, rule in RULES.items() if rule.moment
)

PACKAGES = (
    Invariant(
        "I4",
        "A courier's tracking number occupies at most one compartment",
        """
        SELECT courier_id, tracking_number, count(*) AS packages, min(id::text) AS one, max(id::text) AS other
        FROM packages_app_package WHERE released_at IS NULL
        GROUP BY courier_id, tracking_number HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I8-status",
        "A package has the status that its history ends with",
        f"""
        WITH {LAST_LINE}
        SELECT package.id AS package_id, package.status, last_line.to_status AS in_history
        FROM packages_app_package package LEFT JOIN last_line ON last_line.package_id = package.id
        WHERE package.status IS DISTINCT FROM last_line.to_status
        """,
    ),
    Invariant(
        "I8-allowed",
        "Every line of a history is a transition that the life of a package allows",
        f"""
        SELECT id AS event_id, package_id, event, from_status, to_status FROM packages_app_packageevent
        WHERE (event, from_status, to_status) NOT IN (VALUES {_ALLOWED})
        """,
    ),
    Invariant(
        "I8-chain",
        "Every line of a history begins in the status in which the one before it ended, and no earlier",
        f"""
        WITH {LINES}
        SELECT id AS event_id, package_id, event, before, from_status, at_before, at FROM line
        WHERE from_status <> before OR at < at_before
        """,
    ),
    Invariant(
        "I8-end",
        "A package ends once (a door that did not open, or a package found inside, takes an end back)",
        f"""
        SELECT package_id, sum(ends) AS ends, string_agg(event, ', ' ORDER BY id) AS events
        FROM packages_app_packageevent
        CROSS JOIN LATERAL (SELECT CASE
            WHEN event IN ('{Event.DOOR_FAILED}', '{Event.FOUND}') THEN -1
            WHEN event = '{Event.FOUND_TAKEN_OUT}' THEN 0
            WHEN to_status IN ({_OUT}) THEN 1
            WHEN to_status = '{Status.CANCELLED}' AND compartment_id IS NULL THEN 1
            ELSE 0
        END) line (ends)
        GROUP BY package_id HAVING sum(ends) > 1
        """,
    ),
    Invariant(
        "I8-pairs",
        "A package has the times of its status and no others, and each line of a history has an author",
        f"""
        SELECT id AS package_id, NULL::bigint AS event_id, status FROM packages_app_package
        WHERE {_MOMENTS}
           OR (stored_at IS NULL) <> (expires_at IS NULL)
           OR (stored_at IS NULL AND status NOT IN ('{Status.PENDING}', '{Status.CANCELLED}')
               AND NOT (status = '{Status.RETURNED}' AND cancelled_at IS NOT NULL))
           OR (stored_at IS NOT NULL AND status = '{Status.PENDING}')
           OR (status = '{Status.CANCELLED}' AND cancelled_at IS NULL)
           OR (status NOT IN ('{Status.CANCELLED}', '{Status.RETURNED}') AND cancelled_at IS NOT NULL)
           OR (released_at IS NULL) <> (status IN ({_OPEN})
                                        OR status = '{Status.CANCELLED}' AND stored_at IS NOT NULL)
        UNION ALL
        SELECT package_id, id, to_status FROM packages_app_packageevent WHERE by = ''
        """,
    ),
    Invariant(
        "I10",
        "No reservation is 60 s past its end, and no hold 5 min where the hold clock runs",
        f"""
        SELECT id AS package_id, status, reserved_until, expires_at FROM packages_app_package
        WHERE (status = '{Status.PENDING}' AND reserved_until < clock_timestamp() - interval '60 s')
           OR (status = '{Status.STORED}' AND expires_at < clock_timestamp() - interval '5 min'
               AND location_id NOT IN (SELECT location_id FROM lockers_downtime WHERE settled_at IS NULL))
        """,
    ),
    Invariant(
        "I12",
        "No Idempotency-Key is kept without an answer",
        """
        SELECT courier_id, key, created_at FROM packages_app_idempotencykey WHERE status IS NULL OR body = ''
        """,
    ),
    Invariant(
        "I17",
        "A package has a pickup code exactly while it is STORED or EXPIRED, and one of its own",
        f"""
        SELECT id AS package_id, status, code_mac IS NOT NULL AS has_code FROM packages_app_package
        WHERE (code_mac IS NOT NULL) <> (status IN ({_WITH_CODE}))
        UNION ALL
        SELECT one.id, one.status, true FROM packages_app_package one
        JOIN packages_app_package other USING (location_id, code_mac) WHERE one.id <> other.id
        """,
    ),
)
