"""`manage.py erase_recipient`: erase one recipient who asked for it; only count without --yes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from common.clock import database_now
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.models import Package

BATCH = 500


class Command(BaseCommand):
    """Erase a recipient."""

    help = (
        "Erases name, email and phone of a recipient from all packages that are out of their compartments. "
        "Without --yes it only counts them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--email", default="", help="the full address, in any case")
        parser.add_argument("--phone", default="", help="the number, such as +3725551234")
        parser.add_argument("--yes", action="store_true", help="erase instead of only counting")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase or count. Raises `CommandError` without an address. Running it twice changes nothing."""
        email, phone = options["email"].strip(), options["phone"].strip()
        if not email and not phone:
            raise CommandError("Give --email, --phone or both.")
        theirs = self._packages(email, phone)
        over = list(theirs.filter(released_at__isnull=False).values_list("pk", flat=True))
        waiting = theirs.filter(released_at__isnull=True).count()
        if options["yes"]:
            by, erased = Actor(name="command"), 0
            for begin in range(0, len(over), BATCH):
                ids = over[begin : begin + BATCH]
                erased += operations.erase_recipients(package_ids=ids, by=by, now=database_now())
            self.stdout.write(f"Erased from {erased} packages.")
        else:
            self.stdout.write(f"Would be erased from {len(over)} packages. Add --yes to do it.")
        if waiting:
            self.stdout.write(
                f"{waiting} packages are still in compartments. They keep their recipient: they could not "
                "be sent the code anymore. Run this again when they are out."
            )

    def _packages(self, email: str, phone: str) -> Any:
        who = Q()
        if email:
            who |= Q(recipient__email__iexact=email) | Q(delegates__email__iexact=email)
        if phone:
            who |= Q(recipient__phone=phone) | Q(delegates__phone=phone)
        return Package.objects.filter(who).order_by("pk").distinct()
