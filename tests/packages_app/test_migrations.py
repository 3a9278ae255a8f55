"""Migrations that are not atomic: stopped after any statement, each way, they can be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

NAMES = ["0006_held_back_and_delegates", "0008_reservations", "0016_erasure"]
# All that these migrations could leave behind, or make twice.
CATALOGUE = """
    SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
    FROM pg_constraint WHERE connamespace = 'scratch'::regnamespace
    UNION SELECT indexdef FROM pg_indexes WHERE schemaname = 'scratch'
    UNION SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)
    FROM information_schema.columns WHERE table_schema = 'scratch'
"""


class Stopped(Exception):
    """The run was cancelled."""


class StopAfter:
    """Cancels a run when so many statements of it that change tables have been executed."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if sql.startswith(("CREATE", "ALTER", "DROP")):
            self.left -= 1
            if not self.left:
                raise Stopped
        return result


@pytest.fixture
def scratch(transactional_db: None) -> Iterator[None]:
    """A schema without any table, in which the connection works."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA scratch")
        cursor.execute("SET search_path TO scratch")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET search_path")
        cursor.execute("DROP SCHEMA scratch CASCADE")


def catalogue() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(CATALOGUE)
        return {row[0] for row in cursor.fetchall()}


def forwards(migration: Migration, before: ProjectState) -> None:
    with connection.schema_editor(atomic=False) as editor:
        migration.apply(before.clone(), editor)


def backwards(migration: Migration, before: ProjectState) -> None:
    with connection.schema_editor(atomic=False) as editor:
        migration.unapply(before.clone(), editor)


def stopped(run: Callable[..., None], migration: Migration, before: ProjectState, *, after: int) -> bool:
    """Whether the run was stopped; else it has ended before."""
    try:
        with connection.execute_wrapper(StopAfter(after)):
            run(migration, before)
    except Stopped:
        return True
    return False


def test_the_list_is_complete() -> None:
    found = [
        migration.name
        for (app, _), migration in sorted(MigrationLoader(None).disk_migrations.items())
        if app == "packages_app" and not migration.atomic
    ]
    assert found == NAMES


@pytest.mark.usefixtures("scratch")
def test_what_was_stopped_anywhere_is_done_again() -> None:
    for name in NAMES:
        executor = MigrationExecutor(connection)
        migration = executor.loader.get_migration("packages_app", name)
        executor.migrate(migration.dependencies)
        before = executor.loader.project_state(("packages_app", name), at_end=False)
        without = catalogue()
        forwards(migration, before)
        complete = catalogue()
        backwards(migration, before)
        assert catalogue() == without

        stops = 1
        while stopped(forwards, migration, before, after=stops):
            forwards(migration, before)
            assert catalogue() == complete
            stopped(backwards, migration, before, after=stops)
            backwards(migration, before)
            assert catalogue() == without
            stops += 1
        assert stops > len(migration.operations), name
        assert catalogue() == complete
        executor.recorder.record_applied("packages_app", name)
