"""The address that a request comes from, and the networks that a key may be used from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def client_address(request: HttpRequest) -> Address | None:
    """Return the address that sent the request, or None if it is unknown.

    That is the other end of the connection, unless it is one of `TRUSTED_PROXIES`: then the address that the
    proxy names, and so on from the right. Nobody else is trusted to write X-Forwarded-For.
    """
    address = _parse(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return address
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "")
    for hop in reversed(hops.split(",") if hops else []):
        if address is None or not any(address in proxy for proxy in settings.TRUSTED_PROXIES):
            break
        address = _parse(hop)
    return address


def parse_networks(text: str) -> list[str]:
    """Parse networks in CIDR, separated by commas or white space. Raises `ValueError`."""
    networks: list[str] = []
    for part in text.replace(",", " ").split():
        try:
            networks.append(str(ip_network(part)))
        except ValueError:
            raise ValueError(f"{part} is not a network such as 192.0.2.0/24 or 2001:db8::/32") from None
    return list(dict.fromkeys(networks))


def allowed(address: Address | None, networks: Iterable[str]) -> bool:
    """Return whether the address is in one of the networks."""
    return address is not None and any(address in _network(network) for network in networks)


@lru_cache(maxsize=4096)
def _network(text: str) -> Network:
    return ip_network(text)


def _parse(text: str) -> Address | None:
    """Parse an address, with or without a port; return an IPv4 address that is mapped to IPv6 as IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
