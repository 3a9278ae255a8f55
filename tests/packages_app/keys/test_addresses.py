"""Where a request comes from: the other end, unless that is a proxy of ours."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from packages_app.keys.addresses import allowed, client_address, parse_networks


def seen(remote: str, forwarded: str | None = None) -> str:
    meta = {"REMOTE_ADDR": remote} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})
    request = RequestFactory().get("/")
    request.META.update(meta)
    return str(client_address(request))


@pytest.mark.parametrize("forwarded", [None, "", "198.51.100.7", "127.0.0.1, 10.0.0.1", "nonsense"])
def test_without_trusted_proxies_nobody_s_header_is_believed(forwarded: str | None) -> None:
    assert seen("203.0.113.9", forwarded) == "203.0.113.9"


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.7", "198.51.100.7"),  # what the client itself wrote
        ("10.0.0.1", "10.0.0.66, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),  # past the proxy
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "10.0.0.5, 10.0.0.6", "10.0.0.5"),
        ("10.0.0.1", "nonsense", "None"),
        ("10.0.0.1", "198.51.100.7, unknown", "None"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1::1", "198.51.100.7", "198.51.100.7"),
        ("", "198.51.100.7", "None"),
    ],
)
def test_behind_proxies_it_is_the_right_most_that_is_not_ours(
    settings: Settings, remote: str, forwarded: str | None, client: str
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/24"), ip_network("2001:db8:1::1")]
    assert seen(remote, forwarded) == client


def test_networks_as_people_write_them() -> None:
    assert parse_networks("192.0.2.0/24, 2001:db8::/32\n 198.51.100.7,192.0.2.0/24 ,") == [
        "192.0.2.0/24",
        "2001:db8::/32",
        "198.51.100.7/32",
    ]
    assert parse_networks(" ") == []


@pytest.mark.parametrize(
    "text", ["192.0.2.1/24", "192.0.2.0/33", "example.com", "192.0.2", "2001:db8::/129", "*"]
)
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="is not a network"):
        parse_networks(f"10.0.0.0/8 {text}")


def test_in_which_networks_an_address_lies() -> None:
    networks = ["192.0.2.0/24", "2001:db8::/32"]
    assert allowed(ip_address("192.0.2.255"), networks)
    assert allowed(ip_address("2001:db8:ffff::1"), networks)
    assert not allowed(ip_address("192.0.3.0"), networks)
    assert not allowed(ip_address("2001:db9::1"), networks)
    assert not allowed(None, networks)
