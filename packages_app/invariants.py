"""What must always be true of doors, packages, history and messages, each as SQL that finds the exceptions.

A row of an invariant's SQL is one violation; it names ids, never a code, a key or a person. All read one
snapshot (`audit.py`), so they hold at any moment on a live system, in the middle of any load.
"""

# ruff: noqa: S608 - every part of these statements is a constant

from __future__ import annotations

from packages_app.invariant import Invariant, values
from packages_app.lifecycle import OPEN, TOLD, TRANSITIONS, Event, Status
from packages_app.queue_invariants import QUEUE
from packages_app.webhook_invariants import WEBHOOKS

_ALLOWED = values(
    (event, before, after) for event, moves in TRANSITIONS.items() for before, after in moves.items()
)
_TOLD = values((event, before, kind) for (event, before), kind in TOLD.items())

# From when until when each package held each door, as its history tells it.
_STINTS = """
change AS (
    SELECT id, package_id, event, compartment_id, at,
           compartment_id IS DISTINCT FROM lag(compartment_id) OVER history AS changed
    FROM packages_app_packageevent WINDOW history AS (PARTITION BY package_id ORDER BY id)
), stint AS (
    SELECT id, package_id, event, compartment_id, at AS since,
           coalesce(lead(at) OVER (PARTITION BY package_id ORDER BY id), 'infinity') AS until
    FROM change WHERE changed
)
"""
_LAST_LINE = """
last_line AS (
    SELECT DISTINCT ON (package_id) package_id, to_status, compartment_id
    FROM packages_app_packageevent ORDER BY package_id, id DESC
)
"""
_LINES = """
line AS (
    SELECT id, package_id, event, from_status, to_status, at,
           coalesce(lag(to_status) OVER history, '') AS before, lag(at) OVER history AS at_before
    FROM packages_app_packageevent
    WINDOW history AS (PARTITION BY package_id ORDER BY id)
)
"""

DOORS = (
    Invariant(
        "I1",
        "No compartment is held by two packages",
        """
        SELECT compartment_id, count(*) AS packages, min(id::text) AS one, max(id::text) AS other
        FROM packages_app_package WHERE released_at IS NULL
        GROUP BY compartment_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I2",
        "In the history no compartment was ever held by two packages at the same time",
        f"""
        WITH {_STINTS}, turn AS (
            SELECT compartment_id, package_id, since, until,
                   lead(package_id) OVER door AS next_package_id, lead(since) OVER door AS next_since
            FROM stint WHERE compartment_id IS NOT NULL
            WINDOW door AS (PARTITION BY compartment_id ORDER BY since, until, id)
        )
        SELECT compartment_id, package_id, nullif(until, 'infinity') AS until, next_package_id, next_since
        FROM turn WHERE next_since < until
        """,
    ),
    Invariant(
        "I3-fit",
        "A package lies at its own location, in a compartment no smaller than it",
        """
        SELECT package.id AS package_id, package.location_id, package.size, package.compartment_id,
               door.location_id AS door_location_id, locker.location_id AS locker_location_id,
               door.size AS door_size
        FROM packages_app_package package
        JOIN lockers_compartment door ON door.id = package.compartment_id
        JOIN lockers_locker locker ON locker.id = door.locker_id
        WHERE door.size < package.size OR door.location_id <> package.location_id
           OR locker.location_id <> door.location_id
        """,
    ),
    Invariant(
        "I3-door",
        "A compartment is reserved or occupied exactly when a package holds it so",
        f"""
        SELECT door.id AS compartment_id, door.occupancy, package.id AS package_id, package.status
        FROM lockers_compartment door
        LEFT JOIN packages_app_package package
               ON package.compartment_id = door.id AND package.released_at IS NULL
        WHERE CASE
            WHEN package.id IS NULL THEN door.occupancy NOT IN ('empty', 'unverified')
            WHEN package.status = '{Status.PENDING}' THEN door.occupancy <> 'reserved'
            ELSE door.occupancy NOT IN ('occupied', 'doubtful')
        END
        """,
    ),
    Invariant(
        "I3-history",
        "The last line of a package's history names the compartment that it holds, or none",
        f"""
        WITH {_LAST_LINE}
        SELECT package.id AS package_id, package.compartment_id, package.released_at,
               last_line.compartment_id AS in_history
        FROM packages_app_package package JOIN last_line ON last_line.package_id = package.id
        WHERE last_line.compartment_id IS DISTINCT FROM
              CASE WHEN package.released_at IS NULL THEN package.compartment_id END
        """,
    ),
    Invariant(
        "I3-service",
        "No compartment was given out while it was out of service (one that stayed shut is not)",
        f"""
        WITH {_STINTS}, turned AS (
            SELECT compartment_id, kind, at AS since,
                   coalesce(lead(at) OVER (PARTITION BY compartment_id ORDER BY id), 'infinity') AS until
            FROM lockers_compartmentevent WHERE kind IN ('taken_out', 'put_back')
        )
        SELECT compartment_id, stint.package_id, stint.since AS given_out, turned.since AS out_of_service
        FROM stint JOIN turned USING (compartment_id)
        WHERE turned.kind = 'taken_out' AND stint.since > turned.since AND stint.since < turned.until
          AND stint.event <> '{Event.DOOR_FAILED}'
        """,
    ),
    Invariant(
        "I5",
        "At each location the compartments of all states add up, and match the packages that hold them",
        """
        WITH doors AS (
            SELECT location_id, count(*) AS total,
                   count(*) FILTER (WHERE works AND occupancy = 'empty') AS available,
                   count(*) FILTER (WHERE works AND occupancy IN ('unverified', 'doubtful')) AS unverified,
                   count(*) FILTER (WHERE works AND occupancy = 'reserved') AS reserved,
                   count(*) FILTER (WHERE works AND occupancy = 'occupied') AS occupied,
                   count(*) FILTER (WHERE NOT works) AS out_of_service,
                   count(*) FILTER (WHERE occupancy IN ('reserved', 'occupied', 'doubtful')) AS held
            FROM lockers_compartment, LATERAL (SELECT out_of_service_at IS NULL AS works) service
            GROUP BY location_id
        ), packages AS (
            SELECT location_id, count(*) AS packages
            FROM packages_app_package WHERE released_at IS NULL GROUP BY location_id
        )
        SELECT doors.*, coalesce(packages, 0) AS packages
        FROM doors FULL JOIN packages USING (location_id)
        WHERE total IS DISTINCT FROM available + unverified + reserved + occupied + out_of_service
           OR held IS DISTINCT FROM coalesce(packages, 0)
        """,
    ),
)

PACKAGES = (
    Invariant(
        "I4",
        "A courier's tracking number holds one compartment at most",
        """
        SELECT courier_id, tracking_number, count(*) AS packages, min(id::text) AS one, max(id::text) AS other
        FROM packages_app_package WHERE released_at IS NULL
        GROUP BY courier_id, tracking_number HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I8-status",
        "A package's status is the one that its history ends with",
        f"""
        WITH {_LAST_LINE}
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
        "Every line of a history begins where the line before it ended, and not earlier",
        f"""
        WITH {_LINES}
        SELECT id AS event_id, package_id, event, before, from_status, at_before, at FROM line
        WHERE from_status <> before OR at < at_before
        """,
    ),
    Invariant(
        "I8-end",
        "A package's life ends once (a door that did not open, or a parcel found in it, takes one end back)",
        f"""
        SELECT package_id, sum(ends) AS ends, string_agg(event, ', ' ORDER BY id) AS events
        FROM packages_app_packageevent
        CROSS JOIN LATERAL (SELECT CASE
            WHEN event IN ('{Event.DOOR_FAILED}', '{Event.FOUND}') THEN -1
            WHEN event = '{Event.FOUND_TAKEN_OUT}' THEN 0
            WHEN to_status IN ('{Status.RETRIEVED}', '{Status.RETURNED}') THEN 1
            WHEN to_status = '{Status.CANCELLED}' AND compartment_id IS NULL THEN 1
            ELSE 0
        END) line (ends)
        GROUP BY package_id HAVING sum(ends) > 1
        """,
    ),
    Invariant(
        "I8-pairs",
        "Each status has its times and no others, and each line of a history has its author",
        f"""
        SELECT id AS package_id, NULL::bigint AS event_id, status FROM packages_app_package
        WHERE (status = '{Status.PENDING}') <> (reserved_until IS NOT NULL)
           OR (stored_at IS NULL) <> (expires_at IS NULL)
           OR (stored_at IS NULL AND status NOT IN ('{Status.PENDING}', '{Status.CANCELLED}')
               AND NOT (status = '{Status.RETURNED}' AND cancelled_at IS NOT NULL))
           OR (stored_at IS NOT NULL AND status = '{Status.PENDING}')
           OR (status = '{Status.RETRIEVED}') <> (retrieved_at IS NOT NULL)
           OR (status = '{Status.RETURNED}') <> (returned_at IS NOT NULL)
           OR (status = '{Status.CANCELLED}' AND cancelled_at IS NULL)
           OR (status NOT IN ('{Status.CANCELLED}', '{Status.RETURNED}') AND cancelled_at IS NOT NULL)
           OR (released_at IS NULL) <> (status IN ('{Status.PENDING}', '{Status.STORED}', '{Status.EXPIRED}')
                                        OR status = '{Status.CANCELLED}' AND stored_at IS NOT NULL)
        UNION ALL
        SELECT package_id, id, to_status FROM packages_app_packageevent WHERE by = ''
        """,
    ),
    Invariant(
        "I10",
        "No reservation outlives its end by 60 s, and no hold by 5 min where the hold clock runs",
        f"""
        SELECT id AS package_id, status, reserved_until, expires_at FROM packages_app_package
        WHERE (status = '{Status.PENDING}' AND reserved_until < clock_timestamp() - interval '60 s')
           OR (status = '{Status.STORED}' AND expires_at < clock_timestamp() - interval '5 min'
               AND location_id NOT IN (SELECT location_id FROM lockers_downtime WHERE settled_at IS NULL))
        """,
    ),
    Invariant(
        "I12",
        "No Idempotency-Key is kept without its answer",
        """
        SELECT courier_id, key, created_at FROM packages_app_idempotencykey WHERE status IS NULL OR body = ''
        """,
    ),
    Invariant(
        "I17",
        "A package can be found by a pickup code exactly while it is STORED or EXPIRED, and by no other's",
        f"""
        SELECT id AS package_id, status, code_mac IS NOT NULL AS has_code FROM packages_app_package
        WHERE (code_mac IS NOT NULL) <> (status IN ('{Status.STORED}', '{Status.EXPIRED}'))
        UNION ALL
        SELECT one.id, one.status, true FROM packages_app_package one
        JOIN packages_app_package other USING (location_id, code_mac) WHERE one.id <> other.id
        """,
    ),
)

# What begins and ends a package's being held back.
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
        "What is held back is what its history says, and nothing was handed over while it was",
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
        "A package has one delegate at the most, with a code at its own location that is nobody else's",
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
        "A delegate's message is about the package that they may collect, and names nobody else's delegate",
        """
        SELECT message.id AS notification_id, message.subject, delegate.id AS delegate_id
        FROM notifications_notification message
        LEFT JOIN packages_app_delegate delegate ON delegate.id::text = message.context ->> 'delegate'
        WHERE message.kind = 'delegated'
          AND message.subject IS DISTINCT FROM 'package:' || delegate.package_id
        """,
    ),
)

PLACES = (
    Invariant(
        "I22-world",
        "A package at a sandbox location is a courier's twin's, and no other package is",
        """
        SELECT package.id AS package_id, package.courier_id, package.location_id
        FROM packages_app_package package
        JOIN packages_app_courier courier ON courier.id = package.courier_id
        JOIN lockers_location location ON location.id = package.location_id
        WHERE location.sandbox <> (courier.twin_of_id IS NOT NULL)
        """,
    ),
    Invariant(
        "I21-down",
        "A location has a downtime for being suspended exactly while it is, and one that lasts at the most",
        """
        SELECT location.id AS location_id, location.suspended_at, downtime.id AS downtime_id, downtime.cause
        FROM lockers_location location
        LEFT JOIN lockers_downtime downtime
               ON downtime.location_id = location.id AND downtime.ended_at IS NULL
        WHERE (location.suspended_at IS NOT NULL) <> coalesce(downtime.cause = 'suspended', false)
        UNION ALL
        SELECT location_id, NULL, min(id), count(*)::text FROM lockers_downtime
        WHERE ended_at IS NULL GROUP BY location_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I21-clock",
        "Where the hold clock stands a downtime lasts, and downtimes of a location do not overlap",
        """
        SELECT location_id, id AS downtime_id, NULL::bigint AS other FROM lockers_downtime downtime
        WHERE settled_at IS NULL AND NOT EXISTS (
            SELECT FROM lockers_downtime open
            WHERE open.location_id = downtime.location_id AND open.ended_at IS NULL)
        UNION ALL
        SELECT one.location_id, one.id, other.id FROM lockers_downtime one
        JOIN lockers_downtime other ON other.location_id = one.location_id AND other.id > one.id
        WHERE one.began_at < coalesce(other.ended_at, 'infinity')
          AND other.began_at < coalesce(one.ended_at, 'infinity')
        """,
    ),
    Invariant(
        "I21-given",
        "A package that outlived a downtime has a line of history for the time that it got",
        f"""
        SELECT package.id AS package_id, package.stood_still FROM packages_app_package package
        WHERE package.stood_still <> interval '0' AND NOT EXISTS (
            SELECT FROM packages_app_packageevent line
            WHERE line.package_id = package.id AND line.event = '{Event.LOCATION_RESUMED}')
        """,
    ),
)

MESSAGES = (
    Invariant(
        "I13",
        "Every event that a recipient is told of has one message a channel, and every message its event "
        "(where nobody has forgotten which channels they had)",
        f"""
        WITH expected AS (
            SELECT 'event:' || line.id || ':' || address.channel AS key, told.kind, address.channel,
                   'package:' || line.package_id AS subject
            FROM packages_app_packageevent line
            JOIN (VALUES {_TOLD}) told (event, from_status, kind)
              ON told.event = line.event AND told.from_status = line.from_status
            JOIN packages_app_package package ON package.id = line.package_id
            JOIN packages_app_recipient recipient ON recipient.id = package.recipient_id
            CROSS JOIN LATERAL (VALUES ('email', recipient.email), ('sms', recipient.phone))
                 address (channel, value)
            WHERE address.value <> ''
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
        "Every message is sent, or ended with a reason, or in live hands, or due within the hour (to an "
        "endpoint: a day and a bit)",
        """
        SELECT message.id AS notification_id, message.status, message.next_attempt_at, message.leased_until,
               message.sent_at
        FROM notifications_notification message
        LEFT JOIN notifications_channelstate state USING (channel)
        LEFT JOIN notifications_destination destination ON destination.subject = message.subject
        WHERE CASE message.status
            WHEN 'pending' THEN message.next_attempt_at > clock_timestamp()
                + CASE message.channel WHEN 'webhook' THEN interval '27 hours' ELSE interval '1 hour' END
            -- A paused channel or endpoint takes one message at a time: the others wait, lease or not.
            WHEN 'sending' THEN message.lease_token IS NULL OR message.leased_until IS NULL
                OR message.leased_until > clock_timestamp() + interval '2 min'
                OR (message.leased_until < clock_timestamp() - interval '30 s' AND state.opened_at IS NULL
                    AND destination.paused_until IS NULL AND destination.closed_at IS NULL)
            WHEN 'sent' THEN message.sent_at IS NULL
            WHEN 'dead' THEN message.reason = ''
            WHEN 'suppressed' THEN message.reason = ''
            ELSE true
        END
        OR (message.status <> 'sent' AND message.sent_at IS NOT NULL)
        OR (message.status <> 'sending'
            AND (message.lease_token IS NOT NULL OR message.leased_until IS NOT NULL))
        """,
    ),
)

INVARIANTS = (*DOORS, *PACKAGES, *HAND_OVER, *PLACES, *QUEUE, *MESSAGES, *WEBHOOKS)
