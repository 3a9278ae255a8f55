"""Run as a script on an empty database: places, kiosks, a courier and a manager; prints keys as JSON."""

from __future__ import annotations

import json
import sys

import django

LOCATIONS = ("CHAOS-1", "CHAOS-2", "CHAOS-3")
PASSWORD = "a-password-of-the-chaos-suite"


def main() -> None:
    """Fill the empty database."""
    from django.contrib.auth.models import User

    from lockers import layout
    from lockers.models import Kiosk, Location, Membership
    from packages_app.models import ApiKey, Courier
    from tests.world import make_key

    places = [
        Location.objects.create(code=code, name=f"Station {code}", country="EE", time_zone="Europe/Tallinn")
        for code in LOCATIONS
    ]
    layout.install(places, layout.lay_out(layout.parse("500/400/100")))
    courier = Courier.objects.create(code="chaos", name="Chaos Parcels")
    scopes = [str(ApiKey.Scope.PACKAGES), str(ApiKey.Scope.CODES_READ)]
    kiosks = {
        place.code: make_key(kiosk=Kiosk.objects.create(location=place, name="front"))[1] for place in places
    }
    manager = User.objects.create_user("manager", password=PASSWORD)
    Membership.objects.bulk_create(Membership(user=manager, location=place) for place in places)
    keys = {"courier": make_key(courier=courier, scopes=scopes)[1], "kiosks": kiosks}
    sys.stdout.write(json.dumps(keys) + "\n")


if __name__ == "__main__":
    django.setup()
    main()
