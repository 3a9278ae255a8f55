"""`manage.py create_api_key`: make a key for a courier or a kiosk, and print it once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.clock import database_now
from lockers.models import Kiosk
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.keys import addresses, rights
from packages_app.models import ApiKey, Courier


class Command(BaseCommand):
    """Make a key and print it."""

    help = (
        "Makes an API key and prints it, alone, on standard output. It is stored nowhere and shown only once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        owner = parser.add_mutually_exclusive_group(required=True)
        owner.add_argument("--courier", metavar="CODE", help="the owner, a courier")
        owner.add_argument("--kiosk", metavar="LOCATION/NAME", help="the owner, a kiosk")
        parser.add_argument(
            "--scope",
            action="append",
            choices=[str(scope) for scope in ApiKey.Scope],
            help="what it may do; repeat for several (default: packages, or pickup for a kiosk)",
        )
        parser.add_argument("--name", default="", help="what it is used for")
        parser.add_argument("--days", type=int, default=365, help="how long it works (1 to 365, default 365)")
        parser.add_argument("--test", action="store_true", help="a courier's key for the sandbox only")
        parser.add_argument(
            "--location",
            action="append",
            default=[],
            metavar="CODE",
            help="a location that it sees; repeat for several (default: all). Couriers only",
        )
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="CIDR",
            help="a network that it may be used from; repeat for several (default: anywhere)",
        )
        parser.add_argument(
            "--calls-per-second", type=int, help="its own rate limit (default: that of RATE_LIMIT_KEY)"
        )
        parser.add_argument("--burst", type=int, help="how many at once (default: five times as many)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the key. Raises `CommandError` for an unknown owner, or rights that it cannot have."""
        courier = _courier(options["courier"]) if options["courier"] else None
        kiosk = _kiosk(options["kiosk"]) if options["kiosk"] else None
        possible = rights.COURIER_SCOPES if courier else rights.KIOSK_SCOPES
        wrong = [scope for scope in options["scope"] or [] if scope not in possible]
        if wrong:
            raise CommandError(f"This kind of key cannot have the scope {', '.join(wrong)}.")
        if not 1 <= options["days"] <= 365:
            raise CommandError("--days must be 1 to 365.")
        figures = options["calls_per_second"], options["burst"]
        if any(figure is not None and figure < 1 for figure in figures):
            raise CommandError("--calls-per-second and --burst must be 1 or more.")
        if options["burst"] and not options["calls_per_second"]:
            raise CommandError("--burst goes with --calls-per-second.")
        if kiosk and (options["test"] or options["location"]):
            raise CommandError("--test and --location are for couriers: a kiosk sees its own location.")
        sandbox = options["test"] or bool(courier and courier.is_twin)
        try:
            location_ids = rights.parse_locations(" ".join(options["location"]), sandbox=sandbox)
            networks = addresses.parse_networks(" ".join(options["network"]))
        except ValueError as error:
            raise CommandError(str(error)) from None
        key, text = operations.create_key(
            by=Actor(name="command"),
            now=database_now(),
            courier=courier,
            kiosk=kiosk,
            scopes=options["scope"],
            name=options["name"],
            life=timedelta(days=options["days"]),
            test=options["test"],
            location_ids=location_ids,
            networks=networks,
            calls_per_second=options["calls_per_second"],
            burst=options["burst"],
        )
        self.stderr.write(f"Key {key.key_id}, valid until {key.expires_at:%Y-%m-%d}. It is shown only once:")
        self.stdout.write(text)


def _courier(code: str) -> Courier:
    courier = Courier.objects.filter(code=code).first()
    if courier is None:
        raise CommandError(f"There is no courier {code}.")
    return courier


def _kiosk(path: str) -> Kiosk:
    location, _, name = path.partition("/")
    kiosk = Kiosk.objects.filter(location__code=location, name=name).first()
    if kiosk is None:
        raise CommandError(f"There is no kiosk {path}. Give it as LOCATION/NAME.")
    return kiosk
