"""`manage.py rotate_api_key`: replace a key by one with the same rights; the old one works for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.clock import database_now
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.models import ApiKey
from packages_app.operations.keys.rotate_key import CannotRotate


class Command(BaseCommand):
    """Rotate a key."""

    help = "Makes a key that replaces another one and prints it, alone, on standard output, only once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "key_id", metavar="KEY_ID", help="the public part: eight characters, plk_live_<this>_…"
        )
        parser.add_argument(
            "--hours", type=int, default=24, help="how long the old key works (0 to 168, default 24)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate the key. Raises `CommandError` for a key that is unknown or cannot be rotated."""
        old = ApiKey.objects.filter(key_id=options["key_id"]).first()
        if old is None:
            raise CommandError("There is no such key.")
        if not 0 <= options["hours"] <= 168:
            raise CommandError("--hours must be 0 to 168.")
        overlap = timedelta(hours=options["hours"])
        try:
            new, text = operations.rotate_key(
                key_pk=old.pk, by=Actor(name="command"), now=database_now(), overlap=overlap
            )
        except CannotRotate as refusal:
            raise CommandError(str(refusal)) from None
        old.refresh_from_db()
        self.stderr.write(
            f"Key {new.key_id}, valid until {new.expires_at:%Y-%m-%d}; {old} works until"
            f" {old.expires_at:%Y-%m-%d %H:%M:%S} UTC. The new one is shown only once:"
        )
        self.stdout.write(text)
