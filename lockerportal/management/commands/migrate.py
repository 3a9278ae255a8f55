"""Django's `migrate`, with all the time that a migration of a large table needs."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    """Lifts the application's `statement_timeout`; `lock_timeout` stays, as others queue behind a lock."""

    def handle(self, *args: Any, **options: Any) -> None:
        """As Django does it. Raises `OperationalError` for a lock that is not to be had: run it again."""
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        try:
            super().handle(*args, **options)
        finally:
            if connection.is_usable():
                with connection.cursor() as cursor:
                    cursor.execute("RESET statement_timeout")
