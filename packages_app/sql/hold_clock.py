"""The hold clock of a location, stopped and set going for all of its packages at once, each in one statement.

The caller's transaction holds the lock of the location's row.
"""

from __future__ import annotations

from notifications import outbox
from packages_app.life.lifecycle import ANNOUNCED, TOLD, Event, Status
from packages_app.sql import message_rows, webhook_rows

# The delegate was last told that their code had stopped working; now it works again.
_WAS_TOLD_OF_THE_END = f"""
    %(told)s::text = '{TOLD[Event.LOCATION_RESUMED, Status.STORED]}' AND 'delegate_ended' = (
        SELECT kind FROM notifications_notification
        WHERE subject = 'package:' || history.package_id AND kind IN ('delegated', 'delegate_ended')
          AND context ->> 'delegate' = delegate.id::text
        ORDER BY id DESC LIMIT 1)
"""


def _history_and_messages(source: str, event: str, reason: str) -> str:
    """Return the CTEs that write a line of history for each row of `source`, and its messages.

    The recipient gets one if `%(told)s` names a kind, and the courier's webhooks if the package was EXPIRED;
    the CTE `moved` has the packages as they are afterwards.
    """
    to_recipients = message_rows.recipient_rows(
        "%(told)s::text",
        source="""history
    JOIN packages_app_package package ON package.id = history.package_id
    JOIN packages_app_recipient recipient ON recipient.id = package.recipient_id""",
        package_id="history.package_id",
        cause="'event:' || history.id",
        where="%(told)s::text IS NOT NULL",
    )
    to_delegates = message_rows.delegate_rows("delegated", where=_WAS_TOLD_OF_THE_END)
    to_couriers = webhook_rows.history_rows(
        ANNOUNCED[Event.LOCATION_RESUMED, Status.EXPIRED],
        packages="moved",
        where=f"history.from_status = '{Status.EXPIRED}'",
    )
    messages = outbox.insert_select(f"{to_recipients} UNION ALL {to_delegates} UNION ALL {to_couriers}")
    return f"""
history AS (
    INSERT INTO packages_app_packageevent
        (package_id, event, from_status, to_status, by, reason, compartment_id)
    SELECT id, {event}, status, '{Status.STORED}', %(by)s, {reason}, compartment_id FROM {source}
    RETURNING id, package_id, event, from_status, at
), messages AS ({messages})
"""


# What expired after the true beginning of the downtime could not be collected any more: it is STORED again.
STOP = f"""
WITH waiting AS MATERIALIZED (
    SELECT id, status, compartment_id FROM packages_app_package
    WHERE location_id = %(location_id)s AND released_at IS NULL
      AND (status = '{Status.STORED}' AND NOT %(expired_only)s OR status = '{Status.EXPIRED}')
      AND expires_at > %(began_at)s
    ORDER BY id FOR NO KEY UPDATE
), moved AS (
    UPDATE packages_app_package package SET status = '{Status.STORED}', updated_at = clock_timestamp()
    FROM waiting WHERE package.id = waiting.id AND waiting.status = '{Status.EXPIRED}'
    RETURNING {webhook_rows.PACKAGE_COLUMNS}
), {_history_and_messages("waiting", "%(event)s", "%(reason)s")}
SELECT count(*) AS packages, {message_rows.ANNOUNCES} FROM waiting
"""

# Every unsettled downtime counts, for each package from its deposit on. An interval of seconds only: "1 day"
# would be 23 or 25 hours where the session's clocks change. A package on hold stands still for its own reason
# since `held_at`, and `operations.release_hold` gives that back.
GIVE_BACK = f"""
WITH lost AS MATERIALIZED (
    SELECT began_at, ended_at FROM lockers_downtime
    WHERE location_id = %(location_id)s AND settled_at IS NULL
), waiting AS MATERIALIZED (
    SELECT id, status, compartment_id, stored_at, held_at FROM packages_app_package
    WHERE location_id = %(location_id)s AND released_at IS NULL
      AND status IN ('{Status.STORED}', '{Status.EXPIRED}')
      AND expires_at > (SELECT min(began_at) FROM lost) AND stored_at < (SELECT max(ended_at) FROM lost)
    ORDER BY id FOR NO KEY UPDATE
), given AS MATERIALIZED (
    SELECT waiting.id, waiting.status, waiting.compartment_id, make_interval(secs => sum(seconds)) AS time,
           make_interval(secs => sum(greatest(before, 0))) AS before_held
    FROM waiting, lost,
         LATERAL (SELECT greatest(lost.began_at, waiting.stored_at) AS since) began,
         LATERAL extract(epoch FROM lost.ended_at - began.since) seconds,
         LATERAL extract(epoch FROM least(lost.ended_at, waiting.held_at) - began.since) before
    WHERE seconds > 0
    GROUP BY waiting.id, waiting.status, waiting.compartment_id
), moved AS (
    UPDATE packages_app_package package
    SET status = '{Status.STORED}', expires_at = expires_at + given.time,
        held_expires_at = held_expires_at + given.before_held,
        stood_still = stood_still + given.time, updated_at = clock_timestamp()
    FROM given WHERE package.id = given.id
    RETURNING {webhook_rows.PACKAGE_COLUMNS}
), {
    _history_and_messages(
        "given",
        f"'{Event.LOCATION_RESUMED}'",
        "'location was down, ' || round(extract(epoch FROM time) / 60) || ' min given back'",
    )
}
SELECT count(*) AS packages, {message_rows.ANNOUNCES} FROM moved
"""
