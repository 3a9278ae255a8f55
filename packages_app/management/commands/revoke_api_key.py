"""`manage.py revoke_api_key`: a key opens nothing any more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.clock import database_now
from packages_app.models import ApiKey
from packages_app.operations.couriers import make_key


class Command(BaseCommand):
    help = "Revokes an API key; the next request with it is refused."

    def add_arguments(self, parser: CommandParser) -> None:
        """See `help`."""
        parser.add_argument(
            "key_id", metavar="KEY_ID", help="the public part: eight characters, plk_live_<this>_…"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises `CommandError` for a key that does not exist. Revoking twice changes nothing."""
        key = ApiKey.objects.filter(key_id=options["key_id"]).first()
        if key is None:
            raise CommandError("There is no such key.")
        make_key.revoke(key, now=database_now())
        self.stdout.write(f"{key} is revoked since {key.revoked_at:%Y-%m-%d %H:%M:%S} UTC.")
