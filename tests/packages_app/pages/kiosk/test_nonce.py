"""The kiosk: a pickup whose response was lost can be repeated."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from lockerportal.sessions import SessionStore
from lockers.models import Location
from packages_app import errors, operations
from packages_app.keys import checking
from packages_app.models import Package
from tests.world import (
    code_of,
    door,
    make_courier,
    make_key,
    make_kiosk,
    make_package,
    wrong_code,
)

pytestmark = pytest.mark.django_db

PAD, CONNECT, DOOR = "/kiosk/", "/kiosk/connect/", "/kiosk/door/"
PICK_UP, SAVE, LOOK_UP = (operations, "pick_up"), (SessionStore, "save"), (checking, "caller_of")


@pytest.fixture
def screen(location: Location) -> Client:
    client = Client()
    client.post(CONNECT, {"key": make_key(kiosk=make_kiosk(location))[1]})
    return client


@pytest.fixture
def package(location: Location) -> Package:
    return waiting(location, "M1")


def waiting(location: Location, label: str) -> Package:
    now = timezone.now()
    courier, until = make_courier(f"c-{label}".lower()), now + timedelta(days=2)
    return make_package(courier, door(location, label), stored_at=now, expires_at=until)


def nonce_on_pad(screen: Client) -> str:
    found = re.search(r'name="nonce" value="([^"]+)"', screen.get(PAD, follow=True).content.decode())
    assert found
    return found[1]


def type_code(screen: Client, code: str, nonce: str) -> Any:
    return screen.post(PAD, {"code": code, "nonce": nonce}, follow=True)


def lose(
    monkeypatch: pytest.MonkeyPatch, where: tuple[Any, str], screen: Client, code: str, nonce: str
) -> Any:
    """Return the response to a code when the database fails right after `where` has done its work."""
    work = getattr(*where)

    def done_and_gone(*given: Any, **named: Any) -> None:
        work(*given, **named)
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(*where, done_and_gone)
        return type_code(screen, code, nonce)


@pytest.mark.parametrize("where", [PICK_UP, SAVE, LOOK_UP], ids=lambda where: where[1])
def test_a_lost_answer_is_had_by_typing_the_code_again(
    where: tuple[Any, str], screen: Client, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, nonce = code_of(package), nonce_on_pad(screen)
    for _ in range(2):
        lost = lose(monkeypatch, where, screen, code, nonce)
        assert lost.status_code == 503
        assert lost["Retry-After"]
        assert nonce_on_pad(screen) == nonce
    opened = type_code(screen, code, nonce_on_pad(screen))
    assert opened.redirect_chain == [(DOOR, 302)]
    assert opened.context["door"] == package.compartment
    assert package.events.filter(event="retrieved").count() == 1


def test_a_busy_portal_is_asked_for_the_same_again(
    screen: Client, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**_: object) -> None:
        raise errors.BusyTryAgain

    nonce = nonce_on_pad(screen)
    with monkeypatch.context() as patch:
        patch.setattr(*PICK_UP, busy)
        assert type_code(screen, code_of(package), nonce).redirect_chain == [(PAD, 302)]
    assert nonce_on_pad(screen) == nonce


def test_a_slip_in_between_changes_nothing(
    screen: Client, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, nonce = code_of(package), nonce_on_pad(screen)
    lose(monkeypatch, PICK_UP, screen, code, nonce)
    assert type_code(screen, wrong_code(package.location), nonce).redirect_chain == [(PAD, 302)]
    screen.post(PAD, {"code": code, "nonce": nonce, "press": "back"})
    assert type_code(screen, code, nonce_on_pad(screen)).redirect_chain == [(DOOR, 302)]


def test_the_next_recipient_opens_their_own_door_and_then_nonces_are_new(
    screen: Client, location: Location, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, nonce = code_of(package), nonce_on_pad(screen)
    lose(monkeypatch, PICK_UP, screen, code, nonce)
    other = waiting(location, "S1")
    opened = type_code(screen, code_of(other), nonce_on_pad(screen))
    assert opened.context["door"] == other.compartment
    assert nonce_on_pad(screen) != nonce
    assert type_code(screen, code, nonce_on_pad(screen)).redirect_chain == [(PAD, 302)]


def test_a_page_with_the_door_that_does_not_come_is_had_by_typing_the_code_again(
    screen: Client, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, nonce = code_of(package), nonce_on_pad(screen)
    assert screen.post(PAD, {"code": code, "nonce": nonce}).status_code == 302
    with monkeypatch.context() as patch:
        patch.setattr("lockers.cabinets.cabinet_of", Mock(side_effect=OperationalError("gone")))
        assert screen.get(DOOR).status_code == 503
    assert nonce_on_pad(screen) == nonce
    assert type_code(screen, code, nonce).context["door"] == package.compartment
    assert nonce_on_pad(screen) != nonce


def test_any_other_answer_leads_to_a_new_nonce(screen: Client, location: Location, package: Package) -> None:
    nonces = [nonce_on_pad(screen)]
    for code in ("1234567", wrong_code(location), code_of(package)):
        type_code(screen, code, nonces[-1])
        nonces.append(nonce_on_pad(screen))
    assert len(set(nonces)) == len(nonces)


def test_what_is_kept_is_no_longer_kept_than_it_is_of_use(
    screen: Client, package: Package, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    nonce = nonce_on_pad(screen)
    lost = lose(monkeypatch, PICK_UP, screen, code_of(package), nonce)
    cookie = lost.cookies["kiosk_nonce"]
    assert cookie.value == nonce
    assert (cookie["max-age"], cookie["path"], cookie["samesite"]) == (300, PAD, "Lax")
    assert cookie["httponly"]
    assert cookie["secure"]


@pytest.mark.parametrize("nonce", ["", "short", "x" * 65, "<script>0123456789", "0123456789abcdef\n"])
def test_nonsense_is_not_kept(
    nonce: str, screen: Client, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "kiosk_nonce" not in lose(monkeypatch, LOOK_UP, screen, code_of(package), nonce).cookies
    screen.cookies["kiosk_nonce"] = nonce
    assert nonce_on_pad(screen) not in ("", nonce)
