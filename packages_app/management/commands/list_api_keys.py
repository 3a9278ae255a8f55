"""`manage.py list_api_keys`: list the keys, and when each was last used."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from common.clock import database_now
from lockers.models import Location
from packages_app.models import ApiKey


class Command(BaseCommand):
    """List keys."""

    help = "Lists the API keys that work, one per line, without their texts, which are stored nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--courier", metavar="CODE", help="only those of this courier, including test keys"
        )
        parser.add_argument("--all", action="store_true", help="include revoked and expired keys")

    def handle(self, *args: Any, **options: Any) -> None:
        """List the keys, newest first."""
        now = database_now()
        keys = ApiKey.objects.select_related("courier__twin_of", "kiosk__location").order_by("-created_at")
        if not options["all"]:
            keys = keys.filter(revoked_at__isnull=True, expires_at__gt=now)
        rows = [key for key in keys if options["courier"] in (None, *_owners(key))]
        wanted = {pk for key in rows for pk in key.location_ids}
        codes = dict(Location.objects.filter(pk__in=wanted).values_list("pk", "code"))
        for key in rows:
            self.stdout.write("\t".join(_line(key, codes, now)))


def _owners(key: ApiKey) -> list[str]:
    courier = key.courier
    return [owner.code for owner in (courier, courier and courier.twin_of) if owner is not None]


def _line(key: ApiKey, codes: dict[int, str], now: datetime) -> list[str]:
    owner = f"courier {key.courier.code}" if key.courier else f"kiosk {key.kiosk}"
    state = "live" if key.opens(now) else "revoked" if key.revoked_at else "expired"
    return [
        str(key),
        owner,
        state,
        " ".join(key.scopes),
        f"until {key.expires_at:%Y-%m-%d %H:%M}",
        f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used",
        "at " + " ".join(sorted(codes[pk] for pk in key.location_ids)) if key.location_ids else "everywhere",
        "from " + " ".join(key.networks) if key.networks else "from anywhere",
        f"by {key.made_by}" if key.made_by else "by unknown",
        key.name,
    ]
