"""The hot statements of drop-off and pickup, in one place (see `common/sql.py` for why there are any).

Each does what the same steps in the ORM do, row for row; a test of the same name
compares them. Times of events come from the clock after the lock.
"""

from __future__ import annotations

from functools import cache

from django.conf import settings

from lockers import allocation
from lockers.models import Size
from notifications import outbox
from packages_app.life import delegate_rows, webhook_rows
from packages_app.life.lifecycle import ANNOUNCED, DEFAULT_PRIORITY, PRIORITY, Event, Status
from packages_app.rules import queueing

_PACKAGE_COLUMNS = """
    id, courier_id, tracking_number, location_id, compartment_id, recipient_id, size, accessible, status,
    created_at, reserved_until, reports_opening, opened_at, stored_at, expires_at, code_version, code_secret,
    code_mac
"""


def _announced(event: Event, before: Status, *, package: str) -> str:
    """The rows for the courier's endpoints, after the lines in the CTE `history` about those in `package`."""
    return webhook_rows.rows_sql(
        source=f"history JOIN {package} package ON package.id = history.package_id",
        event_type=f"'{ANNOUNCED[event, before]}'",
        courier_id="package.courier_id",
        queue="'package:' || history.package_id",
        cause="'event:' || history.id",
        context=f"""jsonb_build_object('at', history.at, 'event', '{event}',
                           'package', {webhook_rows.package_facts("package")}, 'data', '{{}}'::jsonb)""",
        where=f"history.event = '{event}'",
    )


_RETURNED = ", ".join(f"package.{name}" for name in ("id", "courier_id", *webhook_rows.PACKAGE_COLUMNS))


def _union_announced(event: Event, before: Status, *, package: str, announces: bool) -> str:
    """Behind the rows for the recipient; without them a statement is a fifth faster."""
    return f"UNION ALL {_announced(event, before, package=package)}" if announces else ""


def _announces(*, announces: bool = True) -> str:
    """Whether delivery to endpoints is to be woken."""
    found = "(SELECT bool_or(channel = 'webhook') FROM messages)" if announces else "false"
    return f"{found} AS announces"


# Whoever asks has not given up yet. A server that was frozen carries out, as if nothing had been, what it had
# been sent; and a statement that is its own transaction is done then, when the answer has long been 503.
_IN_TIME = "coalesce(clock_timestamp() < %(waits_until)s::timestamptz, true)"

# The answer as it is kept (`Receipt.text`), with the door that only the statement knows. No string in the
# JSON can look like the member: its quotes would stand behind backslashes.
_SIZE_NAMES = " ".join(f"WHEN {size.value} THEN '{size.name}'" for size in Size)
_KEPT = f"""
), kept AS (
    INSERT INTO packages_app_idempotencykey (courier_id, key, fingerprint, status, body)
    SELECT %(courier_id)s, %(key)s, %(fingerprint)s, 201, replace(%(answer)s, '"compartment": null',
        '"compartment": ' || json_build_object('id', shown.id, 'locker', locker.name, 'label', shown.label,
                                               'size', CASE shown.size {_SIZE_NAMES} END))
    FROM taking
    JOIN lockers_compartment shown ON shown.id = taking.id
    JOIN lockers_locker locker ON locker.id = shown.locker_id
    ON CONFLICT DO NOTHING RETURNING true AS done
"""


@cache
def assign(strategy: str, *, accessible: bool, announces: bool = True, keeps: bool = False) -> str:
    """Claim a door and put a package into it, or reserve it; `announces`: for a courier with endpoints.

    One row: `duplicate_id` when the courier's tracking number already holds a door; else the door, or
    NULLs when none was to be had: those that others wait for are left to them. `keeps`: the answer too, under
    the request's Idempotency-Key; when that is `taken`, nothing is done, nor when it is too `late`.
    """
    taken = "EXISTS (SELECT FROM taking) AND NOT EXISTS (SELECT FROM kept)" if keeps else "false"
    return f"""
WITH duplicate AS MATERIALIZED (
    SELECT id FROM packages_app_package
    WHERE courier_id = %(courier_id)s AND tracking_number = %(tracking_number)s AND released_at IS NULL
), door AS MATERIALIZED (
    {allocation.claim_sql(strategy, accessible=accessible, among=queueing.unclaimed)}
), taking AS MATERIALIZED (
    SELECT id FROM door WHERE NOT EXISTS (SELECT FROM duplicate) AND {_IN_TIME}
{_KEPT if keeps else ""}
), claimed AS (
    UPDATE lockers_compartment compartment SET occupancy = %(occupancy)s
    FROM taking WHERE compartment.id = taking.id {"AND EXISTS (SELECT FROM kept)" if keeps else ""}
    RETURNING compartment.id, compartment.label, compartment.size, compartment.locker_id
), recipient AS (
    INSERT INTO packages_app_recipient (name, email, phone, language, only_channel)
    SELECT %(name)s, %(email)s, %(phone)s, %(language)s, %(only_channel)s FROM claimed
    RETURNING id
), package AS (
    INSERT INTO packages_app_package AS package ({_PACKAGE_COLUMNS})
    SELECT %(package_id)s, %(courier_id)s, %(tracking_number)s, %(location_id)s, claimed.id, recipient.id,
           %(size)s, %(accessible)s, %(status)s, %(now)s, %(reserved_until)s, %(reports_opening)s,
           %(opened_at)s, %(stored_at)s, %(expires_at)s, %(code_version)s, %(code_secret)s, %(code_mac)s
    FROM claimed, recipient
    RETURNING {_RETURNED}
), history AS (
    INSERT INTO packages_app_packageevent (package_id, event, from_status, to_status, by, compartment_id)
    SELECT package.id, line.event, line.from_status, line.to_status, %(by)s, package.compartment_id
    FROM package, (VALUES
        ('{Event.ASSIGNED}', '', '{Status.PENDING}', true),
        ('{Event.OPENED}', '{Status.PENDING}', '{Status.PENDING}', %(opened_at)s::timestamptz IS NOT NULL),
        ('{Event.DEPOSITED}', '{Status.PENDING}', '{Status.STORED}', %(deposited)s)
    ) line (event, from_status, to_status, wanted)
    WHERE line.wanted
    RETURNING id, package_id, event, at
), messages AS (
    {
        outbox.insert_select(f'''
    SELECT 'stored', channel, 'package:' || history.package_id, 'event:' || history.id || ':' || channel,
           {PRIORITY["stored"]}, '', '{{}}'::jsonb
    FROM history, unnest(%(channels)s::text[]) channel
    WHERE history.event = '{Event.DEPOSITED}'
    {_union_announced(Event.DEPOSITED, Status.PENDING, package="package", announces=announces)}
    ''')
    }
)
SELECT (SELECT id FROM duplicate) AS duplicate_id, {taken} AS taken,
       EXISTS (SELECT FROM door) AND NOT EXISTS (SELECT FROM taking) AS late,
       claimed.id, claimed.label, claimed.size, locker.name AS locker, {_announces(announces=announces)}
FROM (SELECT) one
LEFT JOIN claimed ON true
LEFT JOIN lockers_locker locker ON locker.id = claimed.locker_id
"""


# Whether somebody waits for a door at the location.
_AWAITED = (
    "EXISTS (SELECT FROM packages_app_queueentry WHERE location_id = %(location_id)s AND status = 'WAITING')"
)

# Whose turn it is: presses at one kiosk one after the other, so that none tries more codes than it may. Of
# other rows, who has waited here sees what was before the wait. So a kiosk that waits after wrong codes, or a
# day with nearly too many of them, is not judged here (`may_try`), unless the caller has done so.
_KIOSK = """
    SELECT kiosk.id, kiosk.wrong_codes_in_row, {may_try} AS may_try,
           EXISTS (SELECT FROM packages_app_webhook) AS endpoints
    FROM lockers_kiosk kiosk
    LEFT JOIN packages_app_wrongcodetally tally
      ON tally.location_id = kiosk.location_id AND tally.day = %(today)s
    WHERE kiosk.id = %(kiosk_id)s
    FOR NO KEY UPDATE OF kiosk
"""

# The same press once more, whose answer was lost: it is to get the same answer. By the package's row, as a
# locked row is seen as it is now; another question would not see what the first press has done meanwhile.
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
# Opens only while the package's own code does. Locked in the order in which a delegate is removed, package
# first; and the delegate too: one who was removed during the wait for the package would still be let in.
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

# A door has opened: no wrong codes in a row any more. A wrong code: one more, and a wait from the fifth on.
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

# The day's tally in the statement may be older than a wait: that near to its end it is looked at anew.
_NEAR_THE_END = 20


@cache
def pick_up(*, by_delegate: bool = False, announces: bool = True, sure: bool = False) -> str:
    """One press at a kiosk: open the door of what the code finds, or count a wrong code.

    Always one row. Without `may_try` nothing was done: look at the kiosk more closely, and then be `sure`.
    Without `package_id` the code was wrong; without `opened` the door stays shut, or an earlier press has
    opened it (`status` is RETRIEVED). `announces`: where any courier has endpoints; without it nothing is
    done either, should there be some (`endpoints`).
    """
    collected = ", collected_by_delegate = true" if by_delegate else ""
    reason = "with the delegate''s code" if by_delegate else ""
    calm = settings.PICKUP_DAILY_FAILURES - _NEAR_THE_END
    may_try = f"coalesce(kiosk.locked_until <= %(now)s, true) AND coalesce(tally.failures, 0) < {calm}"
    if sure:
        may_try = "true"
    may_try += f" AND {_IN_TIME}"
    if not announces:
        may_try += " AND NOT EXISTS (SELECT FROM packages_app_webhook)"
    counted = _COUNTED.format(
        free=settings.PICKUP_FREE_ATTEMPTS,
        first=settings.PICKUP_FIRST_WAIT.total_seconds(),
        longest=settings.PICKUP_LONGEST_WAIT.total_seconds(),
    )
    return f"""
WITH kiosk AS MATERIALIZED (
    {_KIOSK.format(may_try=may_try)}
), found AS MATERIALIZED (
    SELECT package.id, package.compartment_id, package.status, package.expires_at, package.held_at,
           recipient.email, recipient.phone, recipient.only_channel
    {_BY_DELEGATE if by_delegate else _BY_RECIPIENT}
), opened AS (
    UPDATE packages_app_package package
    SET status = '{Status.RETRIEVED}', retrieved_at = %(now)s, released_at = %(now)s, code_mac = NULL,
        pickup_receipt = %(receipt)s, updated_at = clock_timestamp(){collected}
    FROM found
    WHERE package.id = found.id AND found.status = '{Status.STORED}'
      -- The hold clock stands while the location is down. Asked only of what would be too late.
      AND (found.expires_at > %(now)s OR EXISTS (
          SELECT FROM lockers_downtime WHERE location_id = %(location_id)s AND settled_at IS NULL))
      AND found.held_at IS NULL AND {_IN_TIME}
    RETURNING {_RETURNED}, found.email, found.phone, found.only_channel
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
    {
        outbox.insert_select(f'''
    SELECT 'retrieved', channel.name, 'package:' || history.package_id,
           'event:' || history.id || ':' || channel.name, {DEFAULT_PRIORITY}, '', '{{}}'::jsonb
    FROM history, opened
    CROSS JOIN LATERAL (VALUES ('email', opened.email), ('sms', opened.phone)) channel (name, address)
    WHERE channel.address <> '' AND opened.only_channel IN ('', channel.name)
    {"" if by_delegate else f"UNION ALL {delegate_rows.rows_sql('delegate_ended')}"}
    {_union_announced(Event.RETRIEVED, Status.STORED, package="opened", announces=announces)}
    ''')
    }
)
SELECT kiosk.may_try, kiosk.endpoints, found.id AS package_id, found.status, found.held_at,
       door.id IS NOT NULL AS opened, compartment.id, compartment.label, compartment.size,
       locker.name AS locker, {_announces(announces=announces)},
       door.id IS NOT NULL AND {_AWAITED} AS awaited, NOT {_IN_TIME} AS late
FROM kiosk
LEFT JOIN found ON true
LEFT JOIN door ON true
LEFT JOIN lockers_compartment compartment ON compartment.id = found.compartment_id
LEFT JOIN lockers_locker locker ON locker.id = compartment.locker_id
ORDER BY door.id IS NULL
"""


EXPIRE = f"""
WITH due AS MATERIALIZED (
    SELECT id FROM packages_app_package
    WHERE status = '{Status.STORED}' AND expires_at <= %(now)s
      AND location_id NOT IN (SELECT location_id FROM lockers_downtime WHERE settled_at IS NULL)
    ORDER BY expires_at LIMIT %(batch)s
    FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE packages_app_package package SET status = '{Status.EXPIRED}', updated_at = clock_timestamp()
    FROM due WHERE package.id = due.id
    RETURNING {_RETURNED}, package.recipient_id
), history AS (
    INSERT INTO packages_app_packageevent (package_id, event, from_status, to_status, by, compartment_id)
    SELECT id, '{Event.EXPIRED}', '{Status.STORED}', '{Status.EXPIRED}', %(by)s, compartment_id FROM moved
    RETURNING id, package_id, event, at
), messages AS (
    {
    outbox.insert_select(f'''
    SELECT 'expired', channel.name, 'package:' || history.package_id,
           'event:' || history.id || ':' || channel.name, {DEFAULT_PRIORITY}, '', '{{}}'::jsonb
    FROM history
    JOIN moved ON moved.id = history.package_id
    JOIN packages_app_recipient recipient ON recipient.id = moved.recipient_id
    CROSS JOIN LATERAL (VALUES ('email', recipient.email), ('sms', recipient.phone)) channel (name, address)
    WHERE channel.address <> '' AND recipient.only_channel IN ('', channel.name)
    UNION ALL {delegate_rows.rows_sql("delegate_ended")}
    UNION ALL {_announced(Event.EXPIRED, Status.STORED, package="moved")}
    ''')
}
)
SELECT count(*) AS expired, {_announces()} FROM moved
"""
