"""`manage.py seed_demo` creates the sample network of `make run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from common.clock import database_now
from devtools.demo import credentials, network, stories
from packages_app.keys import checking
from packages_app.models import Courier, Package


class Command(BaseCommand):
    """Creates the sample network."""

    help = (
        "Fills an empty portal with a sample network: locations, people, keys, and packages in every status. "
        "A second run only replaces credentials that were lost. Development only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See `help`."""
        parser.add_argument(
            "--file",
            type=Path,
            default=settings.BASE_DIR / "var" / "demo.json",
            help="where to write the credentials",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the sample network. Raises `CommandError` outside development."""
        if not settings.DEBUG:
            raise CommandError(
                "The sample network has known credentials: it is for development (DEBUG=true) only."
            )
        with connection.cursor() as cursor:  # hundreds of commits of sample data need not wait for the disk
            cursor.execute("SET synchronous_commit TO off")
        now = database_now()
        locations = network.build(now=now)
        secrets, changed = credentials.ensure(options["file"], now=now)
        packages = 0
        if not Package.objects.filter(courier__in=Courier.objects.filter(code__in=network.COURIERS)).exists():
            callers = {}
            for code, text in secrets["kiosk_keys"].items():
                caller, reason = checking.verify(text, now=now)
                if caller is None:
                    raise CommandError(f"The new kiosk key of {code} does not work: {reason}.")
                # No caller waits for an answer here, and a slow machine plays the stories for a minute.
                callers[code] = replace(caller, actor=replace(caller.actor, until=None))
            packages = stories.play(now, callers)
        self.stdout.write(f"{locations} new locations, {packages} new packages.")
        self.stdout.write(f"Credentials {'written to' if changed else 'still valid:'} {options['file']}")
        # Keys must not end in a log, so they are only shown at a terminal.
        if self.stdout.isatty():
            self.stdout.write(options["file"].read_text())
