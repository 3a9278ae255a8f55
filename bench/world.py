"""The network to measure, with locations, compartments, kiosks and keys, and checks of it after a run."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.core.management import call_command, get_commands
from django.db import connection
from django.utils import timezone

from bench import past
from bench.machine import progress
from lockers.models import Compartment, Kiosk, Location, Locker
from packages_app.core.actor import SYSTEM
from packages_app.models import ApiKey, Courier
from packages_app.operations.keys.create_key import create_key

SPREAD_LOCATIONS = 100
SPREAD_KIOSKS = 4
PAST = 3000  # packages that were collected before, always there
HOT_CODE = "HOT"
HOT_DOORS = 3000
HOT_KIOSKS = 128

_GROWING = (
    "packages_app_packageevent, packages_app_package, packages_app_recipient, packages_app_idempotencykey,"
    " packages_app_wrongcodetally, notifications_notification"
)


@dataclass
class World:
    """What a load generator needs: the courier's key, and each kiosk's key by location."""

    courier: str = ""
    courier_id: int = 0
    kiosks: dict[str, list[str]] = field(default_factory=dict)

    @property
    def spread(self) -> list[str]:
        """The ordinary locations, with 60 compartments each."""
        return [code for code in self.kiosks if code != HOT_CODE]

    def to_lua(self, file: Path, locations: list[str]) -> Path:
        """Write the file that drops.lua reads."""
        kiosks = ",\n".join(
            f'["{code}"]={{{",".join(json.dumps(key) for key in self.kiosks[code])}}}' for code in locations
        )
        names = ",".join(json.dumps(code) for code in locations)
        file.write_text(f'return {{courier="{self.courier}",locations={{{names}}},kiosks={{{kiosks}}}}}\n')
        return file


def build() -> World:
    """Migrate an empty database and create the network in it."""
    progress("migrating, making locations, doors and keys")
    call_command("migrate", verbosity=0)
    courier = Courier.objects.create(code="bench", name="Bench Courier")
    scopes = [ApiKey.Scope.PACKAGES, ApiKey.Scope.CODES_READ]
    world = World(
        courier=create_key(by=SYSTEM, now=timezone.now(), courier=courier, scopes=scopes)[1],
        courier_id=courier.pk,
    )
    add_location(world, HOT_CODE, doors=HOT_DOORS, kiosks=HOT_KIOSKS)
    for number in range(SPREAD_LOCATIONS):
        add_location(world, f"L{number:04d}", doors=60, kiosks=SPREAD_KIOSKS)
    analyse()
    return world


def add_location(world: World, code: str, *, doors: int, kiosks: int) -> None:
    """Return compartments, a third of each size, in columns of ten."""
    place = Location.objects.create(
        code=code,
        name=f"Location {code}",
        country="EE",
        time_zone="Europe/Tallinn",
        latitude=59,
        longitude=25,
    )
    locker = Locker.objects.create(location=place, name="A")
    Compartment.objects.bulk_create(
        Compartment(
            location=place,
            locker=locker,
            label=str(number + 1),
            size=1 + number * 3 // doors,
            position=number + 1,
            column=number // 10 + 1,
            row=number % 10 + 1,
        )
        for number in range(doors)
    )
    world.kiosks[code] = [
        create_key(
            by=SYSTEM, now=timezone.now(), kiosk=Kiosk.objects.create(location=place, name=str(number))
        )[1]
        for number in range(kiosks)
    ]


def settle() -> None:
    """Wait until the requests that were running when the generator stopped are done."""
    quiet = 0
    while quiet < 3:
        time.sleep(0.1)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            quiet = quiet + 1 if cursor.fetchone() == (0,) else 0


def reset() -> None:
    """Restore the network, so that the rows of one contestant do not slow down the next."""
    settle()
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {_GROWING} RESTART IDENTITY CASCADE")
        cursor.execute("UPDATE lockers_compartment SET occupancy = 'empty' WHERE occupancy <> 'empty'")
        cursor.execute("UPDATE lockers_kiosk SET wrong_codes_in_row = 0, locked_until = NULL")
    past.add(PAST)
    analyse()


def analyse() -> None:
    """Vacuum and checkpoint, so that no run pays for the one before it."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def check(*, dropoffs: int, pickups: int, in_flight: int) -> list[str]:
    """Return what is wrong in the database after a run with these answers.

    The generator stops with up to `in_flight` requests unanswered, which may be done or not.
    """
    settle()
    found = _counts()
    packages, retrieved = found["packages"], found["retrieved"]
    wrong = check_sums()
    if not dropoffs <= packages - PAST <= dropoffs + in_flight:
        wrong.append(f"{packages - PAST} packages after {dropoffs} drop-offs")
    if not pickups <= retrieved - PAST <= pickups + in_flight:
        wrong.append(f"{retrieved - PAST} retrieved after {pickups} pickups")
    return wrong


def check_sums() -> list[str]:
    """Check that each package has its rows in all tables, and each occupied compartment its package."""
    found = _counts()
    packages, retrieved = found["packages"], found["retrieved"]
    expected = {
        "recipients": packages,
        "kept_answers": packages - PAST,
        "events": 2 * packages + retrieved,
        "messages": 2 * (packages - PAST) + 2 * (retrieved - PAST),
        "doors_held": packages - retrieved,
        "doors_with_package": packages - retrieved,
    }
    return [f"{found[name]} {name}, not {count}" for name, count in expected.items() if found[name] != count]


def _counts() -> dict[str, int]:
    questions = {
        "packages": "packages_app_package",
        "retrieved": "packages_app_package WHERE status = 'RETRIEVED' AND code_mac IS NULL",
        "recipients": "packages_app_recipient WHERE email <> '' AND phone <> ''",
        "kept_answers": "packages_app_idempotencykey WHERE status = 201 AND body <> ''",
        "events": "packages_app_packageevent",
        "messages": "notifications_notification WHERE status = 'pending'",
        "doors_held": "lockers_compartment WHERE occupancy = 'occupied'",
        "doors_with_package": "(SELECT DISTINCT p.compartment_id FROM packages_app_package p"
        " JOIN lockers_compartment c ON c.id = p.compartment_id AND c.size >= p.size"
        " WHERE p.status = 'STORED') held",
    }
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "SELECT "
            + ", ".join(f"(SELECT count(*) FROM {what}) AS {name}" for name, what in questions.items())
        )
        return dict(zip(questions, cursor.fetchone(), strict=True))


def audit() -> list[str]:
    """Run the portal's own audit (`manage.py audit`), if this checkout has it."""
    if "audit" not in get_commands():
        return []
    try:
        call_command("audit", verbosity=0, stdout=io.StringIO())
    except (SystemExit, Exception) as error:  # noqa: BLE001 - whatever it raises, the run is not in order
        if not isinstance(error, SystemExit) or error.code not in (0, None):
            return [f"audit: {error}"]
    return []
