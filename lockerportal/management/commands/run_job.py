"""`manage.py run_job` runs a scheduled job without beat, worker or broker."""

from __future__ import annotations

import time

from celery import current_app
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lockerportal.jobs import run_history


class Command(BaseCommand):
    """Runs the job in this process; its run is recorded like any other."""

    help = "Runs a scheduled job in this process, also while workers run. Without a name, lists the jobs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the name of the job."""
        parser.add_argument("name", nargs="?", help='as in the beat table, for example "expire packages"')

    def handle(self, *, name: str | None, **options: object) -> None:
        """Run the job. Raises `CommandError` if there is no such job, or if it failed."""
        if name is None:
            for job, interval in run_history.intervals().items():
                self.stdout.write(f"{job:32} every {interval.total_seconds():g} s")
            return
        if name not in run_history.intervals():
            names = ", ".join(run_history.intervals())
            raise CommandError(f"No scheduled job has this name. The jobs are: {names}.")
        current_app.autodiscover_tasks(force=True)  # a worker does this when it starts
        started = time.monotonic()
        outcome = current_app.tasks[run_history.task_of(name)].apply().result
        if isinstance(outcome, BaseException):
            raise CommandError(f"{name}: {type(outcome).__name__}: {outcome}") from outcome
        self.stdout.write(f"{name}: {outcome} in {time.monotonic() - started:.3g} s")
