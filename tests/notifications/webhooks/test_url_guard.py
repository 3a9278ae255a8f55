"""The URLs that a webhook may have: none that lead to internal hosts."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pytest_django import Settings

from notifications.webhooks import url_guard
from notifications.webhooks.url_guard import ForbiddenTarget, Target


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.com", Target("hooks.example.com", 443, "/")),
        ("https://Hooks.Example.com/a?b=c", Target("hooks.example.com", 443, "/a?b=c")),
        ("https://hooks.example.com:8443/", Target("hooks.example.com", 8443, "/")),
        ("https://xn--phja-qqa.ee/x", Target("xn--phja-qqa.ee", 443, "/x")),
        ("https://93.184.216.34/x", Target("93.184.216.34", 443, "/x")),
        ("https://[2606:4700::1111]/x", Target("2606:4700::1111", 443, "/x")),
        ("https://a.example.com/%2e%2e/?u=https://b.example.com", None),
    ],
)
def test_what_is_allowed(url: str, target: Target | None) -> None:
    parsed = url_guard.parse(url)
    assert target is None or parsed == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:///x",
        "https:hooks.example.com",
        "//hooks.example.com/x",
        "hooks.example.com/x",
        "http://hooks.example.com/x",
        "ftp://hooks.example.com/x",
        "file:///etc/passwd",
        "gopher://hooks.example.com/x",
        "https://user@hooks.example.com/x",
        "https://user:secret@hooks.example.com/x",
        "https://hooks.example.com@127.0.0.1/x",
        "https://hooks.example.com/x#part",
        "https://hooks.example.com\\@127.0.0.1/x",
        "https://hooks.example.com\t/x",
        "https://hooks.example.com/x y",
        "https://hooks.example.com/x\r\nHost: other",
        "https://hooks.example.com/\x00",
        "https://hööks.example.com/x",
        "https://①②⑦.⓪.⓪.①/x",
        "https://127。0。0。1/x",
        "https://hooks.example.com:0/x",
        "https://hooks.example.com:80/x",
        "https://hooks.example.com:22/x",
        "https://hooks.example.com:5432/x",
        "https://hooks.example.com:99999/x",
        "https://hooks.example.com:x/x",
        "https://localhost/x",
        "https://localhost./x",
        "https://postgres/x",
        "https://hooks.example.com./x",
        "https://-bad-.example.com/x",
        f"https://{'a' * 64}.example.com/x",
        f"https://hooks.example.com/{'a' * 2000}",
        # Loopback and its disguises.
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://127.0.0.1./x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://0x7f.0.0.1/x",
        "https://0x7f.1/x",
        "https://017700000001/x",
        "https://0177.0.0.1/x",
        "https://127.0.0.0x1/x",
        "https://00000127.0.0.1/x",
        "https://0/x",
        "https://0.0.0.0/x",
        "https://[::1]/x",
        "https://[::]/x",
        "https://[0:0:0:0:0:0:0:1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::ffff:7f00:1]/x",
        "https://[::127.0.0.1]/x",
        "https://[64:ff9b::127.0.0.1]/x",
        "https://[64:ff9b:1::7f00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://[2001:0:7f00:1::]/x",
        # Private, link-local, shared, reserved, metadata.
        "https://10.0.0.1/x",
        "https://172.16.0.1/x",
        "https://172.31.255.255/x",
        "https://192.168.1.1/x",
        "https://100.64.0.1/x",
        "https://100.100.100.200/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:169.254.169.254]/x",
        "https://[64:ff9b::a9fe:a9fe]/x",
        "https://[2002:a9fe:a9fe::]/x",
        "https://168.63.129.16/x",
        "https://192.0.0.192/x",
        "https://192.0.2.1/x",
        "https://192.88.99.1/x",
        "https://198.18.0.1/x",
        "https://198.51.100.1/x",
        "https://203.0.113.1/x",
        "https://224.0.0.1/x",
        "https://240.0.0.1/x",
        "https://255.255.255.255/x",
        "https://[fe80::1]/x",
        "https://[fe80::1%25eth0]/x",
        "https://[fe80::1%eth0]/x",
        "https://[fc00::1]/x",
        "https://[fd00:ec2::254]/x",
        "https://[fec0::1]/x",
        "https://[ff02::1]/x",
        "https://[2001:db8::1]/x",
        "https://[3fff::1]/x",
        "https://[100::1]/x",
        "https://[::ffff:0:127.0.0.1]/x",
        "https://[::1/x",
    ],
)
def test_what_is_refused_without_asking_anybody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", no_resolver)
    with pytest.raises(ForbiddenTarget) as caught:
        url_guard.parse(url)
    assert "secret" not in str(caught.value)


def no_resolver(*arguments: Any, **more: Any) -> None:
    raise AssertionError("a name server was asked")


def resolver(*answers: str) -> Any:
    """Resolve every name to these addresses."""

    def getaddrinfo(host: str, port: int, **more: Any) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
            for ip in answers
        ]

    return getaddrinfo


HOOKS = Target("hooks.example.com", 443, "/")


def test_a_name_that_means_public_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver("93.184.216.34", "2606:4700::1111", "93.184.216.34"))
    assert [str(address) for address in url_guard.addresses(HOOKS)] == ["93.184.216.34", "2606:4700::1111"]


@pytest.mark.parametrize(
    "answers",
    [
        ("127.0.0.1",),
        ("10.1.2.3",),
        ("169.254.169.254",),
        ("::1",),
        ("fe80::1%eth0",),
        ("::ffff:10.0.0.1",),
        ("64:ff9b::10.0.0.1",),
        ("93.184.216.34", "127.0.0.1"),
        ("2606:4700::1111", "fd00::1"),
    ],
)
def test_a_name_of_which_one_address_is_not_public(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[str, ...]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver(*answers))
    with pytest.raises(ForbiddenTarget):
        url_guard.addresses(HOOKS)


def test_nat64_of_a_public_address_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver("64:ff9b::93.184.216.34"))
    assert len(url_guard.addresses(HOOKS)) == 1


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example.com"])
def test_a_name_that_does_not_resolve(host: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - its kinds are many
        url_guard.addresses(Target(host, 443, "/"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/x", "http://localhost/x", "https://10.0.0.1:81/"])
def test_development_may_call_itself(settings: Settings, url: str) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert url_guard.addresses(url_guard.parse(url))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://user@127.0.0.1/", "http:///x", "http://x:0/"])
def test_development_takes_no_nonsense_either(settings: Settings, url: str) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with pytest.raises(ForbiddenTarget):
        url_guard.parse(url)
