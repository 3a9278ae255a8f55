"""The hold clock of a location: it stands while nobody can collect there, and the lost time is given back.

All of a location's packages at once, each way in one statement. The caller's transaction holds the lock of
the location's row: what begins and what ends a downtime waits for each other there.
"""

# ruff: noqa: S608 - every part of these statements is a constant

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from common.sql import fetch
from common.wakeup import nudge, nudge_webhooks
from lockers.models import Downtime, Location
from notifications import outbox
from packages_app.life import delegate_rows, webhook_rows
from packages_app.life.lifecycle import ANNOUNCED, DEFAULT_PRIORITY, TOLD, Event, Status

# What a package's history and its recipient are told when the clock stops.
_STOPPED_BY = {
    Downtime.Cause.SILENT: Event.HOLD_STOPPED,
    Downtime.Cause.SUSPENDED: Event.LOCATION_SUSPENDED,
}


_RETURNED = ", ".join(f"package.{name}" for name in ("id", "courier_id", *webhook_rows.PACKAGE_COLUMNS))


# The delegate's last word was that there is nothing to collect; at the return there is again.
_WAS_TOLD_OF_THE_END = f"""
    %(told)s::text = '{TOLD[Event.LOCATION_RESUMED, Status.STORED]}' AND 'delegate_ended' = (
        SELECT kind FROM notifications_notification
        WHERE subject = 'package:' || history.package_id AND kind IN ('delegated', 'delegate_ended')
          AND context ->> 'delegate' = delegate.id::text
        ORDER BY id DESC LIMIT 1)
"""


def _history_and_messages(source: str, event: str, reason: str) -> str:
    """A line of history for each row of `source`, its recipient's messages if `%(told)s` names a kind, and
    the courier's if it was EXPIRED; `moved` has the packages as they stand afterwards.
    """
    to_couriers = webhook_rows.rows_sql(
        source="history JOIN moved package ON package.id = history.package_id",
        event_type=f"'{ANNOUNCED[Event.LOCATION_RESUMED, Status.EXPIRED]}'",
        courier_id="package.courier_id",
        queue="'package:' || history.package_id",
        cause="'event:' || history.id",
        context=f"""jsonb_build_object('at', history.at, 'event', history.event,
                           'package', {webhook_rows.package_facts("package")}, 'data', '{{}}'::jsonb)""",
        where=f"history.from_status = '{Status.EXPIRED}'",
    )
    messages = outbox.insert_select(
        f"""
    SELECT %(told)s::text, channel.name, 'package:' || history.package_id,
           'event:' || history.id || ':' || channel.name, {DEFAULT_PRIORITY}, '', '{{}}'::jsonb
    FROM history
    JOIN packages_app_package package ON package.id = history.package_id
    JOIN packages_app_recipient recipient ON recipient.id = package.recipient_id
    CROSS JOIN LATERAL (VALUES ('email', recipient.email), ('sms', recipient.phone)) channel (name, address)
    WHERE channel.address <> '' AND recipient.only_channel IN ('', channel.name)
      AND %(told)s::text IS NOT NULL
    UNION ALL {delegate_rows.rows_sql("delegated", where=_WAS_TOLD_OF_THE_END)}
    UNION ALL {to_couriers}
    """
    )
    return f"""
history AS (
    INSERT INTO packages_app_packageevent
        (package_id, event, from_status, to_status, by, reason, compartment_id)
    SELECT id, {event}, status, '{Status.STORED}', %(by)s, {reason}, compartment_id FROM {source}
    RETURNING id, package_id, event, from_status, at
), messages AS ({messages})
"""


_ANNOUNCES = "(SELECT bool_or(channel = 'webhook') FROM messages) AS announces"
# What expired after the true beginning of the downtime could not be collected any more: it is STORED again.
_STOP = f"""
WITH held AS MATERIALIZED (
    SELECT id, status, compartment_id FROM packages_app_package
    WHERE location_id = %(location_id)s AND released_at IS NULL
      AND (status = '{Status.STORED}' AND NOT %(expired_only)s OR status = '{Status.EXPIRED}')
      AND expires_at > %(began_at)s
    ORDER BY id FOR NO KEY UPDATE
), moved AS (
    UPDATE packages_app_package package SET status = '{Status.STORED}', updated_at = clock_timestamp()
    FROM held WHERE package.id = held.id AND held.status = '{Status.EXPIRED}'
    RETURNING {_RETURNED}
), {_history_and_messages("held", "%(event)s", "%(reason)s")}
SELECT count(*) AS packages, {_ANNOUNCES} FROM held
"""

# Every unsettled downtime counts, for each package from its deposit on. An interval of seconds only: "1 day"
# would be 23 or 25 hours where the session's clocks change. What is held back stands still for its own reason
# since `held_at`, and `operations.release_hold` gives that back.
_GIVE_BACK = f"""
WITH lost AS MATERIALIZED (
    SELECT began_at, ended_at FROM lockers_downtime
    WHERE location_id = %(location_id)s AND settled_at IS NULL
), held AS MATERIALIZED (
    SELECT id, status, compartment_id, stored_at, held_at FROM packages_app_package
    WHERE location_id = %(location_id)s AND released_at IS NULL
      AND status IN ('{Status.STORED}', '{Status.EXPIRED}')
      AND expires_at > (SELECT min(began_at) FROM lost) AND stored_at < (SELECT max(ended_at) FROM lost)
    ORDER BY id FOR NO KEY UPDATE
), given AS MATERIALIZED (
    SELECT held.id, held.status, held.compartment_id, make_interval(secs => sum(seconds)) AS time,
           make_interval(secs => sum(greatest(before, 0))) AS before_held
    FROM held, lost,
         LATERAL (SELECT greatest(lost.began_at, held.stored_at) AS since) began,
         LATERAL extract(epoch FROM lost.ended_at - began.since) seconds,
         LATERAL extract(epoch FROM least(lost.ended_at, held.held_at) - began.since) before
    WHERE seconds > 0
    GROUP BY held.id, held.status, held.compartment_id
), moved AS (
    UPDATE packages_app_package package
    SET status = '{Status.STORED}', expires_at = expires_at + given.time,
        held_expires_at = held_expires_at + given.before_held,
        stood_still = stood_still + given.time, updated_at = clock_timestamp()
    FROM given WHERE package.id = given.id
    RETURNING {_RETURNED}
), {
    _history_and_messages(
        "given",
        f"'{Event.LOCATION_RESUMED}'",
        "'location was down, ' || round(extract(epoch FROM time) / 60) || ' min given back'",
    )
}
SELECT count(*) AS packages, {_ANNOUNCES} FROM moved
"""


def stop(downtime: Downtime, *, expired_only: bool = False) -> int:
    """The clock of everything that waits at the location stands from now on; returns how many packages.

    What expired after `began_at` is STORED again, its code works. With `expired_only` nothing else gets a
    line of history. A downtime that lasts is enough for the clock to stand: no row needs to be written for
    that (`statements.EXPIRE`, `statements.pick_up`).
    """
    event = _STOPPED_BY[Downtime.Cause(downtime.cause)]
    params = {
        "location_id": downtime.location_id,
        "began_at": downtime.began_at,
        "expired_only": expired_only,
        "event": str(event),
        "by": downtime.begun_by,
        "reason": downtime.reason[:200],
        "told": TOLD.get((event, Status.STORED)),
    }
    return _done(fetch(_STOP, params)[0])


def give_back(location: Location, *, by: str, now: datetime) -> int:
    """Adds what was lost in the location's unsettled downtimes to the hold of each package that waits there.

    No limit of extensions applies. STORED, or EXPIRED since the downtime began → STORED; the recipient is
    told the new date. Returns how many packages. All of the location's downtimes have ended.
    """
    event = Event.LOCATION_RESUMED
    params = {"location_id": location.pk, "by": by, "told": TOLD.get((event, Status.STORED))}
    count = _done(fetch(_GIVE_BACK, params)[0])
    Downtime.objects.unsettled().filter(location=location).update(settled_at=now)
    return count


def begin(
    location: Location,
    *,
    cause: Downtime.Cause,
    began_at: datetime,
    reason: str,
    by: str,
) -> Downtime:
    """A downtime that lasts, and the clock stands. No other one is open."""
    downtime = Downtime.objects.create(
        location=location, cause=cause, began_at=began_at, reason=reason[:200], begun_by=by
    )
    stop(downtime)
    return downtime


def _done(result: Any) -> int:
    if result.packages:
        transaction.on_commit(nudge, robust=True)
    if result.announces:
        transaction.on_commit(nudge_webhooks, robust=True)
    return int(result.packages)
