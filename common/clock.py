"""The time of the database, and whole days in the time zone of a location."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, models
from django.db.models import Func


class ClockTimestamp(Func):
    """The time at which the row is written.

    PostgreSQL's `now()` is the start of the transaction, which may be before the transaction got a lock:
    event times would overlap, although the events did not.
    """

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = models.DateTimeField()


def database_now() -> datetime:
    """Return the time of the database: the one clock that all web servers and workers share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def moment(value: datetime | None) -> str | None:
    """Return the time as the API writes it: RFC 3339 in UTC, in whole seconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def add_local_days(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return the same local time in `zone`, `days` whole days later, in UTC.

    A day is 23 or 25 hours long when the clocks change. A local time that does not exist on the day, or
    exists twice, is the later of the two readings, so that nobody's time ends early.
    """
    local = moment.astimezone(zone)
    wall = local.replace(tzinfo=None) + timedelta(days=days)
    readings = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(readings)
