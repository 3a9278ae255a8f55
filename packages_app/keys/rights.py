"""What a key may be given, read from what people type: the same in the admin and on the command line."""

from __future__ import annotations

from lockers.models import Location
from packages_app.models import ApiKey

COURIER_SCOPES = frozenset({ApiKey.Scope.PACKAGES, ApiKey.Scope.CODES_READ})
KIOSK_SCOPES = frozenset({ApiKey.Scope.PICKUP})


def parse_locations(text: str, *, sandbox: bool) -> list[int]:
    """Ids of the locations with these codes (commas or white space between). Raises `ValueError`.

    A test key's locations are sandbox locations, a live key's are not.
    """
    codes = list(dict.fromkeys(text.replace(",", " ").split()))
    known = dict(Location.objects.filter(code__in=codes, sandbox=sandbox).values_list("code", "id"))
    missing = [code for code in codes if code not in known]
    if missing:
        raise ValueError(f"There is no {'sandbox ' if sandbox else ''}location {', '.join(missing)}.")
    return [known[code] for code in codes]
