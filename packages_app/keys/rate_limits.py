"""What may be done how often over the API, and what callers are told about it."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv6Address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from packages_app.core.actor import Caller
from packages_app.errors import Refusal
from packages_app.keys.addresses import client_address
from packages_app.keys.limiter import Limit, Standing, limiter

PREFIX = "lockerportal:limit"

# What the answer tells: the name of the limit, the limit, how it stands.
_Told = tuple[str, Limit, Standing]


class RateLimited(Refusal):
    """Too many calls; please wait as long as Retry-After says.

    The header `RateLimit` says what is left before it comes to that. Ask staff if you need more.
    """

    code = "rate_limited"
    status = 429
    example = {"retry_after": 1}


def count_call(request: HttpRequest, caller: Caller) -> None:
    """One call with this key. Raises `RateLimited`."""
    if settings.RATE_LIMITS:
        limit = _limit(caller.limit or settings.RATE_LIMIT_KEY)
        _take(request, "key", f"{PREFIX}:key:{caller.key_id}", limit)


def count_fault(request: HttpRequest, caller: Caller) -> None:
    """A courier may report any door, and each one is out of use then. Raises `RateLimited`."""
    courier_id = caller.actor.courier_id
    if settings.RATE_LIMITS and courier_id is not None:
        _take(request, "faults", f"{PREFIX}:faults:{courier_id}", _limit(settings.RATE_LIMIT_FAULTS))


def count_failed_key(request: HttpRequest) -> None:
    """A key that opened nothing, by the caller's address. Raises `RateLimited`.

    Only what fails is counted and refused: nobody can lock others out who call from the same address.
    """
    if not settings.RATE_LIMITS:
        return
    address = client_address(request)
    if isinstance(address, IPv6Address):  # one customer's network
        whence = str(ip_network((int(address) >> 64 << 64, 64)))
    else:
        whence = str(address)
    _take(request, "failed-keys", f"{PREFIX}:failed:{whence}", _limit(settings.RATE_LIMIT_FAILED_KEYS))


def tell(request: HttpRequest, response: HttpResponse) -> None:
    """The headers of draft-ietf-httpapi-ratelimit-headers, where something was counted."""
    told: list[_Told] = getattr(request, "rate_limits", [])
    if told:
        response["RateLimit-Policy"] = ", ".join(
            f'"{name}";q={limit.burst};w={limit.window}' for name, limit, _ in told
        )
        response["RateLimit"] = ", ".join(
            f'"{name}";r={standing.remaining};t={standing.full_in}' for name, _, standing in told
        )


def _take(request: HttpRequest, name: str, bucket: str, limit: Limit) -> None:
    standing = limiter().take(bucket, limit)
    if standing is None:
        return
    told: list[_Told] = [*getattr(request, "rate_limits", []), (name, limit, standing)]
    request.rate_limits = told  # type: ignore[attr-defined]
    if not standing.allowed:
        raise RateLimited(retry_after=standing.next_in)


@cache
def _limit(figures: tuple[float, int]) -> Limit:
    return Limit(*figures)
