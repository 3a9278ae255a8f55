"""A code typed at a kiosk as one statement: row for row what the same steps in the ORM do (a test compares).

Times of events come from the clock after the lock.
"""

from __future__ import annotations

from functools import cache

from django.conf import settings

from notifications import outbox
from packages_app.life.lifecycle import Event, Status
from packages_app.sql import message_rows, webhook_rows
from packages_app.sql.conditions import IN_TIME

# Whether anything waits for a compartment at the location.
_AWAITED = (
    "EXISTS (SELECT FROM packages_app_queueentry WHERE location_id = %(location_id)s AND status = 'WAITING')"
)

# Attempts at one kiosk run one after the other, so that none tries more codes than allowed. Having waited for
# this lock, the statement sees other rows as they were before the wait. So a kiosk that must wait after wrong
# codes, or a day with nearly too many of them, is not judged here (`may_try`), unless the caller has done so.
_KIOSK = """
    SELECT kiosk.id, kiosk.wrong_codes_in_row, {may_try} AS may_try,
           EXISTS (SELECT FROM packages_app_webhook) AS endpoints
    FROM lockers_kiosk kiosk
    LEFT JOIN packages_app_wrongcodetally tally
      ON tally.location_id = kiosk.location_id AND tally.day = %(today)s
    WHERE kiosk.id = %(kiosk_id)s
    FOR NO KEY UPDATE OF kiosk
"""

# A repeat of an attempt whose answer was lost must get the same answer. It is judged by the package's row,
# because a locked row is read as it is now; a separate query would not see what the first attempt has done
# meanwhile.
_AGAIN = f"""
      package.pickup_receipt = %(receipt)s AND package.status = '{Status.RETRIEVED}'
      AND package.retrieved_at >= %(repeats_since)s
"""
_BY_RECIPIENT = f"""
    FROM kiosk
    CROSS JOIN packages_app_package package
    JOIN packages_app_recipient recipient ON recipient.id = package.recipient_id
    WHERE kiosk.may_try AND package.location_id = %(location_id)s
      AND (package.code_mac = ANY(%(macs)s)
           AND (%(compartment_id)s::bigint IS NULL OR package.compartment_id = %(compartment_id)s)
           AND (%(phone_last4)s::text IS NULL OR recipient.phone = ''
                OR right(recipient.phone, 4) = %(phone_last4)s)
        OR {_AGAIN})
    FOR NO KEY UPDATE OF package
"""
# A delegate's code works only while the package's own code does. The locks are taken in the order in which a
# delegate is removed, package first; without the delegate's lock, one removed during the wait would still be
# let in.
_BY_DELEGATE = f"""
    FROM kiosk
    CROSS JOIN packages_app_delegate delegate
    JOIN packages_app_package package ON package.id = delegate.package_id
    JOIN packages_app_recipient recipient ON recipient.id = package.recipient_id
    WHERE kiosk.may_try AND delegate.location_id = %(location_id)s AND delegate.code_mac = ANY(%(macs)s)
      AND (package.code_mac IS NOT NULL
           AND (%(compartment_id)s::bigint IS NULL OR package.compartment_id = %(compartment_id)s)
           AND (%(phone_last4)s::text IS NULL OR delegate.phone = ''
                OR right(delegate.phone, 4) = %(phone_last4)s)
        OR {_AGAIN})
    FOR NO KEY UPDATE OF package, delegate
"""

# A door that opened ends the row of wrong codes. A wrong code adds one, and from the fifth on a wait.
_COUNTED = """
    UPDATE lockers_kiosk screen
    SET wrong_codes_in_row = CASE WHEN door.id IS NULL THEN screen.wrong_codes_in_row + 1 ELSE 0 END,
        locked_until = CASE WHEN door.id IS NULL AND screen.wrong_codes_in_row >= {free} THEN
            %(now)s + make_interval(secs => least(
                {longest}, {first} * power(2, least(screen.wrong_codes_in_row - {free}, 16)))) END
    FROM kiosk LEFT JOIN found ON true LEFT JOIN door ON true
    WHERE screen.id = kiosk.id AND kiosk.may_try
      AND (found.id IS NULL OR door.id IS NOT NULL AND kiosk.wrong_codes_in_row > 0)
    RETURNING screen.location_id, door.id IS NULL AS wrong
), tallied AS (
    INSERT INTO packages_app_wrongcodetally AS tally (location_id, day, failures)
    SELECT location_id, %(today)s, 1 FROM counted WHERE wrong
    ON CONFLICT (location_id, day) DO UPDATE SET failures = tally.failures + 1
"""

# The day's count in the statement may be older than a wait for the lock: so near the limit it is read again.
_NEAR_THE_END = 20


@cache
def pick_up(*, by_delegate: bool = False, announces: bool = True, sure: bool = False) -> str:
    """Return the statement for one code at a kiosk: open its package's compartment, or count a wrong code.

    It always answers with one row. Without `may_try` nothing was done: judge the kiosk under its lock, then
    run it with `sure`. Without `package_id` the code was wrong; without `opened` the door stays shut, or an
    earlier attempt has opened it (`status` is RETRIEVED). `announces`: for a network with webhooks; without
    it, nothing is done either if there are some (`endpoints`).
    """
    collected = ", collected_by_delegate = true" if by_delegate else ""
    reason = "with the delegate''s code" if by_delegate else ""
    calm = settings.PICKUP_DAILY_FAILURES - _NEAR_THE_END
    may_try = f"coalesce(kiosk.locked_until <= %(now)s, true) AND coalesce(tally.failures, 0) < {calm}"
    if sure:
        may_try = "true"
    may_try += f" AND {IN_TIME}"
    if not announces:
        may_try += " AND NOT EXISTS (SELECT FROM packages_app_webhook)"
    counted = _COUNTED.format(
        free=settings.PICKUP_FREE_ATTEMPTS,
        first=settings.PICKUP_FIRST_WAIT.total_seconds(),
        longest=settings.PICKUP_LONGEST_WAIT.total_seconds(),
    )
    messages = message_rows.event_rows(
        Event.RETRIEVED,
        Status.STORED,
        packages="opened",
        recipients="history JOIN opened recipient ON recipient.id = history.package_id",
        announces=announces,
        delegates=not by_delegate,
    )
    return f"""
WITH kiosk AS MATERIALIZED (
    {_KIOSK.format(may_try=may_try)}
), found AS MATERIALIZED (
    SELECT package.id, package.compartment_id, package.status, package.expires_at, package.held_at,
           {message_rows.recipient_columns("recipient")}
    {_BY_DELEGATE if by_delegate else _BY_RECIPIENT}
), opened AS (
    UPDATE packages_app_package package
    SET status = '{Status.RETRIEVED}', retrieved_at = %(now)s, released_at = %(now)s, code_mac = NULL,
        pickup_receipt = %(receipt)s, updated_at = clock_timestamp(){collected}
    FROM found
    WHERE package.id = found.id AND found.status = '{Status.STORED}'
      -- The hold clock is stopped during a downtime. Asked only of what would be too late.
      AND (found.expires_at > %(now)s OR EXISTS (
          SELECT FROM lockers_downtime WHERE location_id = %(location_id)s AND settled_at IS NULL))
      AND found.held_at IS NULL AND {IN_TIME}
    RETURNING {webhook_rows.PACKAGE_COLUMNS}, {message_rows.recipient_columns("found")}
), door AS (
    UPDATE lockers_compartment compartment SET occupancy = 'empty'
    FROM opened WHERE compartment.id = opened.compartment_id
    RETURNING compartment.id
), counted AS ({counted}), history AS (
    INSERT INTO packages_app_packageevent (package_id, event, from_status, to_status, by, reason)
    SELECT opened.id, '{Event.RETRIEVED}', '{Status.STORED}', '{Status.RETRIEVED}', %(by)s, '{reason}'
    FROM opened, door
    RETURNING id, package_id, event, at
), messages AS (
    {outbox.insert_select(messages)}
)
SELECT kiosk.may_try, kiosk.endpoints, found.id AS package_id, found.status, found.held_at,
       door.id IS NOT NULL AS opened, compartment.id, compartment.label, compartment.size,
       locker.name AS locker, {message_rows.ANNOUNCES if announces else "false AS announces"},
       door.id IS NOT NULL AND {_AWAITED} AS awaited, NOT {IN_TIME} AS late
FROM kiosk
LEFT JOIN found ON true
LEFT JOIN door ON true
LEFT JOIN lockers_compartment compartment ON compartment.id = found.compartment_id
LEFT JOIN lockers_locker locker ON locker.id = compartment.locker_id
ORDER BY door.id IS NULL
"""
