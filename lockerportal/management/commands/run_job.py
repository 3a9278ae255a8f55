"""One scheduled job, now and here: without beat, worker or broker."""

from __future__ import annotations

import time

from celery import current_app
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lockerportal.jobs import runs


class Command(BaseCommand):
    """Runs the job in this process; its run is written down like any other."""

    help = "Runs one scheduled job now, in this process. Without a name it lists them. Safe beside workers."

    def add_arguments(self, parser: CommandParser) -> None:
        """The name of the job."""
        parser.add_argument("name", nargs="?", help='as the beat table has it, for example "expire packages"')

    def handle(self, *, name: str | None, **options: object) -> None:
        """Raises `CommandError` for a name that no job has, and for a job that failed."""
        if name is None:
            for job, interval in runs.table().items():
                self.stdout.write(f"{job:32} every {interval.total_seconds():g} s")
            return
        if name not in runs.table():
            raise CommandError(f"No scheduled job has this name. There are: {', '.join(runs.table())}.")
        current_app.autodiscover_tasks(force=True)  # a worker does this when it starts
        began = time.monotonic()
        outcome = current_app.tasks[runs.task_of(name)].apply().result
        if isinstance(outcome, BaseException):
            raise CommandError(f"{name}: {type(outcome).__name__}: {outcome}") from outcome
        self.stdout.write(f"{name}: {outcome} in {time.monotonic() - began:.3g} s")
