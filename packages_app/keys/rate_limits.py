"""The rate limits of the API, and the headers that tell callers about them."""

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

# What the headers of an answer say: the name of a limit, the limit, and how much of it is left.
_Counted = tuple[str, Limit, Standing]


class RateLimited(Refusal):
    """Too many calls: wait as long as Retry-After says.

    The header `RateLimit` says how many calls are left. Ask staff if you need more.
    """

    code = "rate_limited"
    status = 429
    example = {"retry_after": 1}


def count_call(request: HttpRequest, caller: Caller) -> None:
    """Count one call with this key. Raises `RateLimited`."""
    if settings.RATE_LIMITS:
        limit = _limit(caller.limit or settings.RATE_LIMIT_KEY)
        _take(request, "key", f"{PREFIX}:key:{caller.key_id}", limit)


def count_fault(request: HttpRequest, caller: Caller) -> None:
    """Count one fault report, which takes a compartment out of use. Raises `RateLimited`."""
    courier_id = caller.actor.courier_id
    if settings.RATE_LIMITS and courier_id is not None:
        _take(request, "faults", f"{PREFIX}:faults:{courier_id}", _limit(settings.RATE_LIMIT_FAULTS))


def count_failed_key(request: HttpRequest) -> None:
    """Count a call with an invalid key, by the client's address. Raises `RateLimited`.

    Only failures are counted and refused, so that nobody can lock out others who share their address.
    """
    if not settings.RATE_LIMITS:
        return
    address = client_address(request)
    if isinstance(address, IPv6Address):  # one customer's network
        origin = str(ip_network((int(address) >> 64 << 64, 64)))
    else:
        origin = str(address)
    _take(request, "failed-keys", f"{PREFIX}:failed:{origin}", _limit(settings.RATE_LIMIT_FAILED_KEYS))


def tell(request: HttpRequest, response: HttpResponse) -> None:
    """Set the headers of draft-ietf-httpapi-ratelimit-headers, if something was counted."""
    counted: list[_Counted] = getattr(request, "rate_limits", [])
    if counted:
        response["RateLimit-Policy"] = ", ".join(
            f'"{name}";q={limit.burst};w={limit.window}' for name, limit, _ in counted
        )
        response["RateLimit"] = ", ".join(
            f'"{name}";r={standing.remaining};t={standing.full_in}' for name, _, standing in counted
        )


def _take(request: HttpRequest, name: str, bucket: str, limit: Limit) -> None:
    standing = limiter().take(bucket, limit)
    if standing is None:
        return
    counted: list[_Counted] = [*getattr(request, "rate_limits", []), (name, limit, standing)]
    request.rate_limits = counted  # type: ignore[attr-defined]
    if not standing.allowed:
        raise RateLimited(retry_after=standing.next_in)


@cache
def _limit(figures: tuple[float, int]) -> Limit:
    return Limit(*figures)
