"""The project as a Django app, for its commands, static files and the state of scheduled jobs."""

from __future__ import annotations

from django.apps import AppConfig
from django.db import connection
from django.db.models.signals import post_migrate


class LockerPortalConfig(AppConfig):
    """The app of the project itself."""

    name = "lockerportal"
    verbose_name = "Locker Portal"

    def ready(self) -> None:
        """Bring the rows of the scheduled jobs up to date after each migration: a release may change them."""
        post_migrate.connect(_sync_rows, sender=self)


def _sync_rows(**_: object) -> None:
    from lockerportal.jobs import run_history
    from lockerportal.models import ScheduledJob

    # This also runs after a migration of another app alone, or back to zero.
    if ScheduledJob._meta.db_table in connection.introspection.table_names():
        run_history.sync_rows()
