"""`manage.py seed_demo`: the sample network of `make run`."""

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
    help = (
        "Fills an empty portal with a sample network: locations, people, keys, and packages in every status. "
        "A second run changes nothing, but makes anew what credentials were lost. Development only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See `help`."""
        parser.add_argument(
            "--file",
            type=Path,
            default=settings.BASE_DIR / "var" / "demo.json",
            help="where the credentials go",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises `CommandError` outside development."""
        if not settings.DEBUG:
            raise CommandError(
                "The sample network has known credentials: it is for development (DEBUG=true) only."
            )
        with connection.cursor() as cursor:  # some hundred commits of sample data need not wait for the disk
            cursor.execute("SET synchronous_commit TO off")
        now = database_now()
        places = network.build(now=now)
        secrets, changed = credentials.ensure(options["file"], now=now)
        packages = 0
        if not Package.objects.filter(courier__in=Courier.objects.filter(code__in=network.COURIERS)).exists():
            callers = {}
            for code, text in secrets["kiosk_keys"].items():
                caller, why = checking.verify(text, now=now)
                if caller is None:
                    raise CommandError(f"The new kiosk key of {code} does not work: {why}.")
                # Nobody waits for an answer here, and a slow machine tells its stories for a minute.
                callers[code] = replace(caller, actor=replace(caller.actor, until=None))
            packages = stories.tell(now, callers)
        self.stdout.write(f"{places} new locations, {packages} new packages.")
        self.stdout.write(f"Credentials {'written to' if changed else 'still work:'} {options['file']}")
        # A log must not hold keys: they are shown to a person only.
        if self.stdout.isatty():
            self.stdout.write(options["file"].read_text())
