"""For migrations that are not atomic: steps that are done in one transaction, and once."""

from contextlib import contextmanager

from django.db import migrations
from django.db.transaction import atomic


class AllOrNothing(migrations.SeparateDatabaseAndState):
    """These operations in one transaction, or nothing where `column` of `table` is there already.

    It is there if an earlier run came so far and was cancelled later: so the migration can be repeated.
    """

    def __init__(self, operations, *, table, column):
        super().__init__(database_operations=operations, state_operations=operations)
        self.table, self.column = table, column

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.collect_sql or not self._is_done(schema_editor):
            with _editor(schema_editor) as editor:
                super().database_forwards(app_label, editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.collect_sql or self._is_done(schema_editor):
            with _editor(schema_editor) as editor:
                super().database_backwards(app_label, editor, from_state, to_state)

    def _is_done(self, schema_editor):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_attribute"
                " WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped)",
                [self.table, self.column],
            )
            return cursor.fetchone()[0]


@contextmanager
def _editor(outer):
    """A schema editor of its own, as the outer one leaves foreign keys and indexes to its end, after the rest."""
    connection = outer.connection
    with atomic(connection.alias), connection.schema_editor(outer.collect_sql, atomic=False) as editor:
        yield editor
    if outer.collect_sql:
        outer.collected_sql += ["BEGIN;", *editor.collected_sql, "COMMIT;"]
