"""How what must never be gets past all that keeps it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.packages_app.invariants.lived import World

Spoil = Callable[[World], None]
PACKAGE, EVENT = "packages_app_package", "packages_app_packageevent"
DOOR, MESSAGE = "lockers_compartment", "notifications_notification"
QUEUE = "packages_app_queueentry"


def sql(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def without(table: str, *constraints: str) -> None:
    """Drop what keeps the wrong row out; the test's transaction brings it back."""
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    for constraint in constraints:
        sql(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{constraint}"')
        sql(f'DROP INDEX IF EXISTS "{constraint}"')


def without_append_only() -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE packages_app_packageevent DISABLE TRIGGER packageevent_append_only")
