"""Django's `migrate` without a time limit for statements, which a migration of a large table may need."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    """Lifts `statement_timeout`, but not `lock_timeout`: other statements queue behind a waiting lock."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. Raises `OperationalError` if a lock is not available; run it again."""
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        try:
            super().handle(*args, **options)
        finally:
            if connection.is_usable():
                with connection.cursor() as cursor:
                    cursor.execute("RESET statement_timeout")
