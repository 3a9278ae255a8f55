"""The hot paths' way to PostgreSQL: one prepared statement, one round trip.

Django's ORM costs about 350 µs of Python a statement; the drop-off, the pickup, the check of a key and the
status of a location are all that a busy network does, so these few run as SQL. Everything else is plain ORM.
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
    """A statement that answers with one value or none, so that it can stand inside another one."""

    sql: str
    params: Mapping[str, Any]


def fetch(sql: str, params: Mapping[str, Any]) -> list[Any]:
    """The rows of one statement as named tuples, in Django's transaction and with Django's exceptions.

    The statement is prepared on the connection, so PostgreSQL plans it once; parameters travel apart from
    the text. Placeholders are named: `%(name)s`; a per cent sign is `%%`.
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
    """The statement with `$1`, `$2`, … as PostgreSQL itself writes parameters, and their names in order.

    psycopg does that too, but keeps the result for texts of up to 4,096 characters only.
    """
    names = tuple(dict.fromkeys(_PLACEHOLDER.findall(sql)))
    text = _PLACEHOLDER.sub(lambda match: f"${names.index(match[1]) + 1}", sql)
    return text.replace("%%", "%"), names
