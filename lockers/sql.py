"""The hot paths' way to PostgreSQL: one prepared statement, one round trip.

Django's ORM costs about 350 µs of Python a statement; the drop-off, the pickup, the check of a key and the
status of a location are all that a busy network does, so these few run as SQL. Everything else is plain ORM.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import Cursor
from psycopg.rows import namedtuple_row


def fetch(sql: str, params: Mapping[str, Any]) -> list[Any]:
    """The rows of one statement as named tuples, in Django's transaction and with Django's exceptions.

    The statement is prepared on the connection, so PostgreSQL plans it once; parameters travel apart from
    the text. Placeholders are named: `%(name)s`.
    """
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors, Cursor(database.connection, row_factory=namedtuple_row) as cursor:
        cursor.execute(sql, params, prepare=settings.DB_PREPARE_STATEMENTS)
        return [] if cursor.rownumber is None else cursor.fetchall()
