"""A drop-off as one statement: row for row what the same steps in the ORM do (a test compares).

Times of events come from the clock after the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from lockers import allocation
from lockers.models import CompartmentQuerySet
from notifications import outbox
from packages_app.life.lifecycle import Event, Status
from packages_app.sql import message_rows, webhook_rows
from packages_app.sql.conditions import IN_TIME
from packages_app.sql.idempotency import KEEP_WITH_COMPARTMENT

# The columns that a drop-off needs, in the order of the model; Django loads the others when asked for.
# `announces`: whether the courier has webhooks; without them the drop-off is a fifth faster.
LOCATION = """
SELECT id, code, time_zone, hold_days, strategy, sandbox, suspended_at,
       EXISTS (SELECT FROM packages_app_webhook WHERE courier_id = %(courier_id)s) AS announces
FROM lockers_location WHERE code = %(code)s
"""

# The columns of the new package: some are computed, the others come from the parameter of the same name.
_COMPUTED = {
    "id": "%(package_id)s",
    "created_at": "%(now)s",
    "compartment_id": "claimed.id",
    "recipient_id": "recipient.id",
}
_GIVEN = (
    "courier_id",
    "tracking_number",
    "location_id",
    "size",
    "accessible",
    "status",
    "reserved_until",
    "reports_opening",
    "opened_at",
    "stored_at",
    "expires_at",
    "code_version",
    "code_secret",
    "code_mac",
)
_COLUMNS = {**_COMPUTED, **{name: f"%({name})s" for name in _GIVEN}}

_KEPT = f"""
), kept AS (
    {KEEP_WITH_COMPARTMENT.format(compartment="taking")}
"""


@cache
def assign(
    strategy: str,
    *,
    accessible: bool,
    among: Callable[..., CompartmentQuerySet],
    announces: bool = True,
    keeps: bool = False,
) -> str:
    """Return the statement that claims a compartment and puts a package into it, or reserves it.

    It takes the best of the compartments that `among` leaves (see `allocation.claim_sql`), and answers with
    one row: `duplicate_id` when the courier's tracking number already occupies a compartment
    (`PackageQuerySet.of_number`); else the compartment, or NULLs when none was to be had. `announces`: for a
    courier with webhooks. `keeps`: it keeps the answer too, under the request's Idempotency-Key; when that is
    `taken`, nothing is done, nor when it is too `late`.
    """
    taken = "EXISTS (SELECT FROM taking) AND NOT EXISTS (SELECT FROM kept)" if keeps else "false"
    messages = message_rows.event_rows(
        Event.DEPOSITED,
        Status.PENDING,
        packages="package",
        recipients="history, recipient",
        announces=announces,
    )
    return f"""
WITH duplicate AS MATERIALIZED (
    SELECT id FROM packages_app_package
    WHERE courier_id = %(courier_id)s AND tracking_number = %(tracking_number)s AND released_at IS NULL
), door AS MATERIALIZED (
    {allocation.claim_sql(strategy, accessible=accessible, among=among)}
), taking AS MATERIALIZED (
    SELECT id FROM door WHERE NOT EXISTS (SELECT FROM duplicate) AND {IN_TIME}
{_KEPT if keeps else ""}
), claimed AS (
    UPDATE lockers_compartment compartment SET occupancy = %(occupancy)s
    FROM taking WHERE compartment.id = taking.id {"AND EXISTS (SELECT FROM kept)" if keeps else ""}
    RETURNING compartment.id, compartment.label, compartment.size, compartment.locker_id
), recipient AS (
    INSERT INTO packages_app_recipient AS recipient (name, email, phone, language, only_channel)
    SELECT %(name)s, %(email)s, %(phone)s, %(language)s, %(only_channel)s FROM claimed
    RETURNING id, {message_rows.recipient_columns("recipient")}
), package AS (
    INSERT INTO packages_app_package AS package ({", ".join(_COLUMNS)})
    SELECT {", ".join(_COLUMNS.values())}
    FROM claimed, recipient
    RETURNING {webhook_rows.PACKAGE_COLUMNS}
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
    {outbox.insert_select(messages)}
)
SELECT (SELECT id FROM duplicate) AS duplicate_id, {taken} AS taken,
       EXISTS (SELECT FROM door) AND NOT EXISTS (SELECT FROM taking) AS late,
       claimed.id, claimed.label, claimed.size, locker.name AS locker,
       {message_rows.ANNOUNCES if announces else "false AS announces"}
FROM (SELECT) one
LEFT JOIN claimed ON true
LEFT JOIN lockers_locker locker ON locker.id = claimed.locker_id
"""
