"""Two ways to do the same: what they return and what they write, to the last row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

TABLES = {
    "packages_app_package": "id",
    "packages_app_recipient": "id",
    "packages_app_delegate": "id",
    # Not by id alone: the planner chooses in which order one statement writes lines of several packages.
    "packages_app_packageevent": "package_id, id",
    "lockers_compartment": "id",
    "lockers_compartmentevent": "id",
    "lockers_kiosk": "id",
    "packages_app_wrongcodetally": "location_id",
    "packages_app_idempotencykey": "key",
    "notifications_notification": "subject, channel, kind, id",
}
# Written by the database's clock.
CLOCK = {"at", "updated_at", "next_attempt_at"}


class RolledBack(Exception):
    """Ends a savepoint."""


def effect(work: Callable[[], Any]) -> tuple[Any, dict[str, list[dict[str, Any]]]]:
    """What `work` returns, and every table after it; then all is as it was."""
    try:
        with transaction.atomic():
            result = work()
            tables = {table: rows(table, order) for table, order in TABLES.items()}
            raise RolledBack
    except RolledBack:
        return result, numbered(tables)


def rows(table: str, order: str) -> list[dict[str, Any]]:
    """All rows but for what the clock writes."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY {order}")
        names = [column.name for column in cursor.description]
        return [
            {name: value for name, value in zip(names, row, strict=True) if name not in CLOCK}
            for row in cursor.fetchall()
        ]


def numbered(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Ids that a sequence gave stand as 1, 2, …: a sequence is not rolled back."""
    recipients = {row["id"]: n for n, row in enumerate(tables["packages_app_recipient"], 1)}
    lines = {row["id"]: n for n, row in enumerate(tables["packages_app_packageevent"], 1)}
    for row in tables["packages_app_package"]:
        row["recipient_id"] = recipients[row["recipient_id"]]
    for message in tables["notifications_notification"]:
        del message["id"], message["created_at"]
        message["dedup_key"] = re.sub(
            r"(?<=event:|ended:)\d+", lambda found: str(lines[int(found[0])]), message["dedup_key"]
        )
        message["context"] = json.loads(message["context"])
        assert ("at" in message["context"]) == (message["channel"] == "webhook")
        message["context"].pop("at", None)
    for table in ("packages_app_recipient", "packages_app_packageevent"):
        for number, row in enumerate(tables[table], 1):
            row["id"] = number
    return tables


def assert_alike(one: Callable[[], Any], other: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """Both return and write the same."""
    result, tables = effect(one)
    assert (result, tables) == effect(other)
    return result, tables


def announced(tables: dict[str, Any]) -> list[dict[str, Any]]:
    """What goes to endpoints."""
    return [row for row in tables["notifications_notification"] if row["channel"] == "webhook"]
