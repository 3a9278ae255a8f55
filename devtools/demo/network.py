"""The locations, couriers and managers of the sample network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from lockers import layout
from lockers.models import Kiosk, Location, Membership
from packages_app.models import Courier

SIXTY_DOORS = "TLL-01"
SUSPENDED = "SAO-01"
KIOSK = "front"
COURIERS = {"harrier": "Harrier Parcels", "bluefinch": "Blue Finch Express"}

BEST_FIT, FIRST_AVAILABLE = Location.Strategy.BEST_FIT, Location.Strategy.FIRST_AVAILABLE


@dataclass(frozen=True, slots=True)
class SampleLocation:
    """A location to create: `doors` in the notation of `lockers/layout.py`, `language` of its recipients."""

    code: str
    name: str
    country: str
    city: str
    address: str
    latitude: float
    longitude: float
    time_zone: str
    doors: str
    hold_days: int = 3
    strategy: Location.Strategy = BEST_FIT
    language: str = "en"


# Their time zones include offsets of half and quarter hours, one whose daylight saving time is half an hour,
# one that changes its clock for Ramadan, and one on each side of the date line.
LOCATIONS = (
    SampleLocation(SIXTY_DOORS, "Balti jaam, market hall", "EE", "Tallinn", "Kopli 1",
          59.4403, 24.7372, "Europe/Tallinn", "20/20/20", language="et"),
    SampleLocation("WAW-01", "Plac Zbawiciela", "PL", "Warszawa", "Marszałkowska 37",
          52.2199, 21.0178, "Europe/Warsaw", "24/18/12", language="pl"),
    SampleLocation("BER-01", "Boxhagener Platz", "DE", "Berlin", "Grünberger Straße 71",
          52.5110, 13.4590, "Europe/Berlin", "40/30/20", hold_days=7,
          strategy=FIRST_AVAILABLE, language="de"),
    SampleLocation("LIS-01", "Cais do Sodré, station", "PT", "Lisboa", "Praça do Duque da Terceira",
          38.7058, -9.1443, "Europe/Lisbon", "16/12/8"),
    SampleLocation("CAS-01", "Marché Central", "MA", "Casablanca", "Boulevard Mohammed V 110",
          33.5950, -7.6120, "Africa/Casablanca", "12/10/6", strategy=FIRST_AVAILABLE),
    SampleLocation("NYC-01", "Atlantic Avenue", "US", "New York", "487 Atlantic Avenue, Brooklyn",
          40.6866, -73.9812, "America/New_York", "30/20/10", strategy=FIRST_AVAILABLE),
    SampleLocation("YYT-01", "Water Street", "CA", "St. John's", "210 Water Street",
          47.5640, -52.7070, "America/St_Johns", "12/8/4", hold_days=5),
    SampleLocation(SUSPENDED, "Largo da Batata", "BR", "São Paulo", "Rua dos Pinheiros 1470",
          -23.5670, -46.6940, "America/Sao_Paulo", "16/12/8", hold_days=4),
    SampleLocation("KTM-01", "Thamel Chowk", "NP", "Kathmandu", "Thamel Marg 24",
          27.7150, 85.3110, "Asia/Kathmandu", "12/10/6"),
    SampleLocation("TYO-01", "Shimokitazawa, south exit", "JP", "Tokyo", "Kitazawa 2-11",
          35.6610, 139.6680, "Asia/Tokyo", "32/16/8", hold_days=5, strategy=FIRST_AVAILABLE),
    SampleLocation("LDH-01", "Neds Beach Road", "AU", "Lord Howe Island", "Neds Beach Road 3",
          -31.5250, 159.0660, "Australia/Lord_Howe", "8/6/4", hold_days=7),
    SampleLocation("AKL-01", "Ponsonby Central", "NZ", "Auckland", "136 Ponsonby Road",
          -36.8590, 174.7470, "Pacific/Auckland", "20/12/6", hold_days=4),
)  # fmt: skip
# For test keys only. There are two, so that one can be full and the other be suggested instead.
SANDBOX = "SANDBOX-1"
SANDBOXES = (
    SampleLocation(SANDBOX, "Sandbox, Tallinn", "EE", "Tallinn", "Pretend Street 1",
          59.4370, 24.7450, "Europe/Tallinn", "12/8/4"),
    SampleLocation("SANDBOX-2", "Sandbox, Riga", "LV", "Rīga", "Pretend Street 2",
          56.9496, 24.1052, "Europe/Riga", "12/8/4"),
)  # fmt: skip
# Managers and their locations. The first one gets a password; staff can set one for the other.
MANAGERS = {
    "manager": (SIXTY_DOORS, "WAW-01", "BER-01", "LIS-01"),
    "manager-pacific": ("TYO-01", "LDH-01", "AKL-01"),
}


def email(username: str) -> str:
    """Return the email address of a user, whose messages show on the mailbox page."""
    return f"{username}@portal.example"


def build(*, now: datetime) -> int:
    """Create the locations with compartments and kiosks, the couriers and the managers.

    Those that exist stay as they are. Return how many locations are new.
    """
    new = sum(_create(sample, now, sandbox=sample in SANDBOXES) for sample in (*LOCATIONS, *SANDBOXES))
    for code, name in COURIERS.items():
        given = {"name": name, "return_list_email": f"returns@{code}.example"}
        Courier.objects.get_or_create(code=code, defaults=given)
    for username, codes in MANAGERS.items():
        user, created = User.objects.get_or_create(username=username, defaults={"email": email(username)})
        if created:
            user.set_unusable_password()
            user.save(update_fields=["password"])
            locations = Location.objects.filter(code__in=codes)
            Membership.objects.bulk_create(Membership(user=user, location=location) for location in locations)
    return new


def kiosk(code: str) -> Kiosk:
    """Return the sample kiosk at a sample location."""
    return Kiosk.objects.select_related("location").get(location__code=code, name=KIOSK)


@transaction.atomic
def _create(sample: SampleLocation, now: datetime, *, sandbox: bool) -> bool:
    if Location.objects.filter(code=sample.code).exists():
        return False
    location = Location.objects.create(
        code=sample.code,
        name=sample.name,
        country=sample.country,
        city=sample.city,
        address=sample.address,
        latitude=sample.latitude,
        longitude=sample.longitude,
        time_zone=sample.time_zone,
        hold_days=sample.hold_days,
        strategy=sample.strategy,
        sandbox=sandbox,
        created_at=now - timedelta(days=90),
    )
    layout.install([location], layout.lay_out(layout.parse(sample.doors)))
    Kiosk.objects.create(location=location, name=KIOSK)
    return True
