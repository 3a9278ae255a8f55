"""Migrations have no time limit, and can be repeated after an interruption."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        (value,) = cursor.fetchone()
    return str(value)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fails", [False, True])
def test_a_migration_has_time_but_gives_up_on_locks(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    seen = []

    def handle(self: migrate.Command, *args: Any, **options: Any) -> None:
        seen.append((setting("statement_timeout"), setting("lock_timeout")))
        if fails:
            raise RuntimeError

    before = setting("statement_timeout")
    monkeypatch.setattr(migrate.Command, "handle", handle)
    if fails:
        with pytest.raises(RuntimeError):
            call_command("migrate", verbosity=0)
    else:
        call_command("migrate", verbosity=0)
    assert seen == [("0", "2s")]
    assert setting("statement_timeout") == before == "2500ms"


def test_each_concurrent_index_first_drops_its_remains() -> None:
    count = 0
    for migration in MigrationLoader(None).disk_migrations.values():
        for position, operation in enumerate(migration.operations):
            if isinstance(operation, AddIndexConcurrently) and migration.__module__.split(".")[0] != "django":
                count += 1
                before = migration.operations[position - 1]
                assert isinstance(before, RunSQL), operation.describe()
                assert before.sql == f"DROP INDEX CONCURRENTLY IF EXISTS {operation.index.name}"
    assert count >= 5


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_migration_can_be_repeated() -> None:
    """All of its indexes exist already, and one is invalid."""
    loader = MigrationLoader(connection)
    migration = loader.get_migration("notifications", "0010_receipt_indexes")
    state = loader.project_state(("notifications", "0009_receipts"))
    with connection.cursor() as cursor:
        invalid = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'notification_failed'::regclass"
        cursor.execute(invalid)
    with connection.schema_editor(atomic=False) as editor:
        migration.apply(state, editor)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_index WHERE indrelid = 'notifications_notification'::regclass"
            " AND NOT indisvalid"
        )
        assert cursor.fetchone() == (0,)
