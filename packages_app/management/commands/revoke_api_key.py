"""`manage.py revoke_api_key`: revoke a key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.clock import database_now
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.models import ApiKey


class Command(BaseCommand):
    """Revoke a key."""

    help = "Revokes an API key; the next request with it is refused."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "key_id", metavar="KEY_ID", help="the public part: eight characters, plk_live_<this>_…"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Revoke the key. Raises `CommandError` for an unknown key. Revoking twice changes nothing."""
        key = ApiKey.objects.filter(key_id=options["key_id"]).first()
        if key is None:
            raise CommandError("There is no such key.")
        key = operations.revoke_key(key_pk=key.pk, by=Actor(name="command"), now=database_now())
        self.stdout.write(f"{key} was revoked at {key.revoked_at:%Y-%m-%d %H:%M:%S} UTC.")
