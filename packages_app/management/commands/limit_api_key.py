"""`manage.py limit_api_key`: set how often a key may be used."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.clock import database_now
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.models import ApiKey


class Command(BaseCommand):
    """Limit a key."""

    help = "Gives an API key a rate limit of its own, or takes it away again; from the next call on."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "key_id", metavar="KEY_ID", help="the public part: eight characters, plk_live_<this>_…"
        )
        parser.add_argument("--calls-per-second", type=int, help="leave it out for the limit of all keys")
        parser.add_argument("--burst", type=int, help="how many at once (default: five times as many)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Set the limit. Raises `CommandError` for an unknown key, or figures that make no sense."""
        rate, burst = options["calls_per_second"], options["burst"]
        if any(figure is not None and figure < 1 for figure in (rate, burst)):
            raise CommandError("--calls-per-second and --burst must be 1 or more.")
        if burst and not rate:
            raise CommandError("--burst goes with --calls-per-second.")
        key = ApiKey.objects.filter(key_id=options["key_id"]).first()
        if key is None:
            raise CommandError("There is no such key.")
        key = operations.limit_key(
            key_pk=key.pk, by=Actor(name="command"), now=database_now(), calls_per_second=rate, burst=burst
        )
        own = f"{key.calls_per_second} calls per second, {key.burst} at once"
        self.stdout.write(f"{key}: {own if rate else 'the limit of all keys'}.")
