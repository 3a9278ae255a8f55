"""Run a hand-written statement on PostgreSQL as one prepared statement in one round trip.

Django's ORM costs about 350 µs of Python per statement, too much for the calls that a busy network makes
most: drop-offs, pickups, key checks and the status of a location.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import RawCursor
from psycopg.rows import namedtuple_row

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class ExtraQuery:
    """A statement with one value or none as its result, so that it can be part of another statement."""

    sql: str
    params: Mapping[str, Any]


def fetch(sql: str, params: Mapping[str, Any]) -> list[Any]:
    """Run the statement in Django's transaction and return its rows as named tuples.

    The statement is prepared on the connection, so that PostgreSQL plans it once; parameters are sent
    separately. Placeholders are named, such as `%(name)s`; a percent sign is `%%`. Raises Django's database
    exceptions.
    """
    text, names = numbered(sql)
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors, RawCursor(database.connection, row_factory=namedtuple_row) as cursor:
        cursor.execute(text, [params[name] for name in names], prepare=settings.DB_PREPARE_STATEMENTS)
        return [] if cursor.rownumber is None else cursor.fetchall()


@lru_cache(maxsize=256)
def numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return the statement with PostgreSQL's own placeholders (`$1`, `$2`, …) and their names in order.

    psycopg does that too, but only caches the result for statements of up to 4,096 characters.
    """
    names = tuple(dict.fromkeys(_PLACEHOLDER.findall(sql)))
    text = _PLACEHOLDER.sub(lambda match: f"${names.index(match[1]) + 1}", sql)
    return text.replace("%%", "%"), names
