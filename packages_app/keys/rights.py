"""What a key may be given, and for how long: the same in the admin and on the command line."""

from __future__ import annotations

from datetime import timedelta

from lockers.models import Location
from packages_app.models import ApiKey

COURIER_SCOPES = frozenset({ApiKey.Scope.PACKAGES, ApiKey.Scope.CODES_READ})
KIOSK_SCOPES = frozenset({ApiKey.Scope.PICKUP})
LONGEST_LIFE = timedelta(days=365)
# How long a rotated key may work beside its successor.
LONGEST_OVERLAP = timedelta(days=7)
USUAL_OVERLAP = timedelta(hours=24)


def own_limit(calls_per_second: int | None, burst: int | None) -> tuple[int | None, int | None]:
    """Return a key's own rate limit: `burst` is five times the calls per second unless it is given.

    Both are None for a key without a limit of its own.
    """
    if calls_per_second is None:
        return None, None
    return calls_per_second, burst or calls_per_second * 5


def parse_locations(text: str, *, sandbox: bool) -> list[int]:
    """Return the ids of the locations with these codes, separated by commas or white space.

    A test key's locations are sandbox locations, a live key's are not. Raises `ValueError`.
    """
    codes = list(dict.fromkeys(text.replace(",", " ").split()))
    known = dict(Location.objects.filter(code__in=codes, sandbox=sandbox).values_list("code", "id"))
    missing = [code for code in codes if code not in known]
    if missing:
        raise ValueError(f"There is no {'sandbox ' if sandbox else ''}location {', '.join(missing)}.")
    return [known[code] for code in codes]
