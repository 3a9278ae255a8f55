"""The switchboard as a Django app, for its commands, static files and the records of scheduled jobs."""

from __future__ import annotations

from django.apps import AppConfig
from django.db import connection
from django.db.models.signals import post_migrate


class LockerPortalConfig(AppConfig):
    name = "lockerportal"
    verbose_name = "Locker Portal"

    def ready(self) -> None:
        """Each release brings its beat table: the rows that show its jobs are made when it migrates."""
        post_migrate.connect(_make_rows, sender=self)


def _make_rows(**_: object) -> None:
    from lockerportal.jobs import runs
    from lockerportal.models import ScheduledJob

    # `migrate` of one other app, or back to nothing, comes here as well.
    if ScheduledJob._meta.db_table in connection.introspection.table_names():
        runs.make_rows()
