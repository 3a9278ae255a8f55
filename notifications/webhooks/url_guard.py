"""Check the URLs of webhooks: only https, and only addresses of the public internet.

A courier chooses the URL, and the portal is inside its own network: without these rules, anyone with an API
key could make it call the database, the cloud's metadata service or another internal host. `parse` checks the
text, `addresses` what the name resolves to; the caller connects to exactly these addresses, so that it does
not matter if the name resolves to others a moment later.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_URL = 2000
PORTS = (443, 8443)
_URL = re.compile(r"https?://[!-~]+\Z")
_NOT_IN_URLS = set('\\"<>^`{|}')
_NAME = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z"
)

# In addition to what Python calls "not global", which partly depends on its version: protocol assignments,
# 6to4 anycast, and the metadata service of a large cloud behind an address that looks public.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "3fff::/20")
)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address


class ForbiddenTarget(ValueError):
    """The URL is not allowed; the message says why and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL that a connection needs."""

    host: str
    port: int
    path: str
    tls: bool = True


def parse(url: str) -> Target:
    """Return the parts of an endpoint's URL. Raise `ForbiddenTarget`; does not resolve the name."""
    if len(url) > LONGEST_URL or not _URL.match(url) or _NOT_IN_URLS & set(url):
        raise ForbiddenTarget("must be a URL that begins with https://")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise ForbiddenTarget("must be a URL that begins with https://") from None
    if not host or port == 0:
        raise ForbiddenTarget("must be a URL that begins with https://")
    if "@" in parts.netloc:
        raise ForbiddenTarget("must not contain a user name or password")
    if "#" in url:
        raise ForbiddenTarget("must not contain a fragment")
    tls = parts.scheme == "https"
    if not settings.WEBHOOK_ALLOW_PRIVATE:
        _check(tls=tls, host=host, port=port)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    return Target(host, port or (443 if tls else 80), path, tls=tls)


def _check(*, tls: bool, host: str, port: int | None) -> None:
    if not tls:
        raise ForbiddenTarget("must begin with https://")
    if port not in (None, *PORTS):
        raise ForbiddenTarget(f"must use port {' or '.join(map(str, PORTS))}")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        if not _NAME.match(host):
            # This includes what resolvers read as an address: 2130706433, 0x7f.1, 017700000001.
            raise ForbiddenTarget("must contain a fully qualified host name") from None
    else:
        if not is_public(literal):
            raise ForbiddenTarget("must not lead to a private or reserved address")


def addresses(target: Target) -> list[IPAddress]:
    """Return the addresses that the host's name resolves to, in the resolver's order.

    Raise `ForbiddenTarget` if any of them is not public, and `OSError` if the name does not resolve.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except UnicodeError:  # such as a label that is too long
        raise OSError from None
    results = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0])) for entry in found))
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(map(is_public, results)):
        raise ForbiddenTarget("leads to a private or reserved address")
    return results


def is_public(address: IPAddress) -> bool:
    """Return whether it is an address of the public internet, also for an embedded IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(inner)
        if address.scope_id or address not in _GLOBAL_UNICAST:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NEVER if network.version == address.version)
    )


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
