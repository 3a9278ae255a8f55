"""Time as the database tells it, and whole days as a wall clock at a location tells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, models
from django.db.models import Func


class ClockTimestamp(Func):
    """The moment at which the row is written.

    PostgreSQL's `now()` is the start of the transaction, which may lie before the moment at which a lock
    was got: event times written with it overlap although the events never did.
    """

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = models.DateTimeField()


def database_now() -> datetime:
    """The database's clock: the one clock that all web servers and workers share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def moment(value: datetime | None) -> str | None:
    """As the API writes it: RFC 3339 in UTC, whole seconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def add_local_days(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """`days` whole days later on the wall clock of `zone`, in UTC.

    Where the clocks change in between, the day is 23 or 25 hours long. A wall-clock time that does not
    exist or comes twice that day counts as the later of the two readings: nobody's time ends early.
    """
    local = moment.astimezone(zone)
    wall = local.replace(tzinfo=None) + timedelta(days=days)
    readings = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(readings)
