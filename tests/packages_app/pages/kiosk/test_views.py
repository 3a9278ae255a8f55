"""The kiosk's pages."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lockers.models import Kiosk, Location
from packages_app.models import ApiKey, Package, WrongCodeTally
from tests.world import (
    code_of,
    door,
    make_courier,
    make_key,
    make_kiosk,
    make_location,
    make_package,
    revoke_key,
    wrong_code,
)

pytestmark = pytest.mark.django_db

PAD, CONNECT, DOOR = "/kiosk/", "/kiosk/connect/", "/kiosk/door/"
NONCE = "nonce-0123456789abcdef"


@pytest.fixture
def kiosk(location: Location) -> Kiosk:
    return make_kiosk(location)


@pytest.fixture
def key(kiosk: Kiosk) -> tuple[ApiKey, str]:
    return make_key(kiosk=kiosk)


@pytest.fixture
def screen(key: tuple[ApiKey, str]) -> Client:
    client = Client()
    assert client.post(CONNECT, {"key": key[1]})["Location"] == PAD
    return client


@pytest.fixture
def package(location: Location) -> Package:
    return waiting(location, "M1")


def waiting(location: Location, label: str, **fields: Any) -> Package:
    now = timezone.now()
    times = {"stored_at": now - timedelta(days=1), "expires_at": now + timedelta(days=2)}
    courier = make_courier(f"c-{location.code}-{label}".lower())
    return make_package(courier, door(location, label), **{**times, **fields})


def type_code(screen: Client, code: str, **more: str) -> Any:
    return screen.post(PAD, {"code": code, "nonce": NONCE, **more}, follow=True)


def said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


# --- Connecting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PAD, DOOR])
def test_screen_that_is_not_connected_has_to_connect(path: str, client: Client) -> None:
    assert client.get(path)["Location"] == CONNECT
    assert client.post(PAD, {"code": "12345678", "nonce": NONCE})["Location"] == CONNECT


def test_session_holds_the_keys_row_and_not_its_text(screen: Client, key: tuple[ApiKey, str]) -> None:
    assert screen.session["kiosk_key"] == key[0].pk
    assert all(key[1] not in str(session.get_decoded()) for session in Session.objects.all())


def test_wrong_key_is_refused_and_not_shown_again(client: Client, key: tuple[ApiKey, str]) -> None:
    wrong = key[1][:-1] + ("0" if key[1][-1] != "0" else "1")
    response = client.post(CONNECT, {"key": wrong})
    assert "This key is not valid" in response.content.decode()
    assert wrong not in response.content.decode()
    assert client.get(PAD)["Location"] == CONNECT


@pytest.mark.parametrize("text", ["", "x" * 101, "plk_kiosk_\x00_a_b", "plk", "🔑"])
def test_nonsense_key_is_refused(text: str, client: Client) -> None:
    assert client.post(CONNECT, {"key": text}).status_code == 200
    assert client.get(PAD)["Location"] == CONNECT


def test_couriers_key_makes_no_screen(client: Client, location: Location) -> None:
    _, text = make_key(courier=make_courier())
    assert "This key is not valid" in client.post(CONNECT, {"key": text}).content.decode()


def test_kiosk_key_without_the_right_to_pick_up_makes_no_screen(client: Client, kiosk: Kiosk) -> None:
    _, text = make_key(kiosk=kiosk, scopes=["packages"])
    assert "This key is not valid" in client.post(CONNECT, {"key": text}).content.decode()


def test_connecting_signs_out_whoever_was_signed_in(client: Client, key: tuple[ApiKey, str]) -> None:
    client.force_login(User.objects.create_user("mary"))
    client.post(CONNECT, {"key": key[1]})
    assert client.get(reverse("manage:locations")).status_code == 302


def test_screens_way_to_the_start_leads_back_to_the_pad(screen: Client) -> None:
    assert screen.get("/")["Location"] == PAD


@pytest.mark.parametrize("end", ["revoked", "expired", "gone"])
def test_key_that_ends_disconnects_at_the_next_request(
    end: str, screen: Client, key: tuple[ApiKey, str], package: Package
) -> None:
    assert screen.get(PAD).status_code == 200
    if end == "revoked":
        revoke_key(key[0], now=timezone.now())
    elif end == "expired":
        ApiKey.objects.update(expires_at=timezone.now())
    else:
        ApiKey.objects.all().delete()
    response = screen.post(PAD, {"code": code_of(package), "nonce": NONCE})
    assert response["Location"] == CONNECT
    package.refresh_from_db()
    assert package.status == Package.Status.STORED


def test_revoked_key_connects_no_screen(client: Client, key: tuple[ApiKey, str]) -> None:
    revoke_key(key[0], now=timezone.now())
    client.post(CONNECT, {"key": key[1]})
    assert client.get(PAD)["Location"] == CONNECT


# --- Picking up ----------------------------------------------------------------------------------------


def test_code_opens_its_door(screen: Client, package: Package) -> None:
    response = type_code(screen, code_of(package))
    assert response.redirect_chain == [(DOOR, 302)]
    assert response.context["door"] == package.compartment
    assert "lit" in response.content.decode()
    package.refresh_from_db()
    assert package.status == Package.Status.RETRIEVED
    assert package.events.get(event="retrieved").by == "kiosk:TLL-1/screen"


def test_groups_may_be_typed_as_they_are_written(screen: Client, package: Package) -> None:
    code = code_of(package)
    assert type_code(screen, f" {code[:4]} {code[4:]} ").redirect_chain == [(DOOR, 302)]


def test_double_press_opens_once(screen: Client, package: Package) -> None:
    code = code_of(package)
    first, second = type_code(screen, code), type_code(screen, code)
    assert first.context["door"] == second.context["door"] == package.compartment
    assert package.events.filter(event="retrieved").count() == 1


def test_used_code_opens_nothing_for_the_next_one(screen: Client, package: Package) -> None:
    code = code_of(package)
    type_code(screen, code)
    response = type_code(screen, code, nonce="another-nonce-0123456789")
    assert response.redirect_chain == [(PAD, 302)]


def test_codes_that_open_nothing_are_all_answered_alike(
    screen: Client, location: Location, package: Package
) -> None:
    used = code_of(package)
    type_code(screen, used)
    elsewhere = waiting(make_location("RIX-1"), "S1")
    answers = {
        said(type_code(screen, typed, nonce=f"nonce-of-this-try-{number:04}"))
        for number, typed in enumerate(
            [
                used,
                wrong_code(location),
                code_of(elsewhere),
                "1234567",
                "123456789",
                "",
                "\x00",
                "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
            ]
        )
    }
    assert len(answers) == 1
    assert "does not open any door here" in answers.pop()


def test_code_of_an_ended_hold_names_the_courier(screen: Client, location: Location) -> None:
    over = timezone.now() - timedelta(minutes=1)
    package = waiting(location, "L1", status=Package.Status.EXPIRED, expires_at=over)
    assert "contact the courier" in said(type_code(screen, code_of(package)))


def test_fifth_wrong_code_has_to_wait_and_so_has_the_right_one(
    screen: Client, location: Location, package: Package
) -> None:
    for _ in range(5):
        response = type_code(screen, wrong_code(location))
    text = response.content.decode()
    seconds = re.search(r"(\d+) s<", text)
    assert seconds is not None
    assert 0 < int(seconds[1]) <= 30
    assert 'name="code"' not in text
    response = type_code(screen, code_of(package))
    assert response.redirect_chain == [(PAD, 302)]
    assert "Please wait" in response.content.decode()
    package.refresh_from_db()
    assert package.status == Package.Status.STORED
    Kiosk.objects.update(locked_until=timezone.now())
    assert type_code(screen, code_of(package)).redirect_chain == [(DOOR, 302)]


def test_many_wrong_codes_in_a_day_ask_for_the_phone(
    screen: Client, location: Location, package: Package, settings: Any
) -> None:
    today = timezone.now().astimezone(location.zone).date()
    WrongCodeTally.objects.create(location=location, day=today, failures=settings.PICKUP_DAILY_FAILURES)
    code = code_of(package)
    assert 'name="phone_last4"' not in screen.get(PAD).content.decode()
    response = type_code(screen, code)
    assert "last 4 digits of your phone" in said(response)
    assert 'name="phone_last4"' in response.content.decode()
    assert code not in response.content.decode()
    assert "last 4 digits" in said(type_code(screen, code, phone_last4="12"))
    assert "does not open any door here" in said(type_code(screen, code, phone_last4="9999"))
    response = type_code(screen, code, phone_last4="1234", nonce="nonce-of-the-right-try")
    assert response.redirect_chain == [(DOOR, 302)]


def test_pad_works_without_javascript(screen: Client) -> None:
    typed = ""
    for press, expected in [("4", "4"), ("8", "48"), ("back", "4"), ("2", "42"), ("x", "42"), ("clear", "")]:
        response = screen.post(PAD, {"code": typed, "nonce": NONCE, "press": press})
        typed = response.context["typed"]
        assert typed == expected
    response = screen.post(PAD, {"code": "123456789", "nonce": NONCE, "press": "0"})
    assert response.context["typed"] == "123456789"


def test_door_is_shown_until_the_pad_is_back(screen: Client, package: Package) -> None:
    type_code(screen, code_of(package))
    page = screen.get(DOOR).content.decode()
    assert 'http-equiv="refresh"' in page
    screen.get(PAD)
    assert screen.get(DOOR)["Location"] == PAD


@pytest.mark.parametrize("path", [PAD, CONNECT])
def test_nothing_is_kept_by_the_browser(path: str, screen: Client) -> None:
    response = screen.get(path)
    assert "no-store" in response["Cache-Control"]
    assert 'autocomplete="off"' in response.content.decode()


def test_code_stands_in_no_address_and_no_session(screen: Client, package: Package) -> None:
    code = code_of(package)
    response = type_code(screen, code)
    assert code not in response.content.decode()
    assert all(code not in url for url, _ in response.redirect_chain)
    assert all(code not in str(session.get_decoded()) for session in Session.objects.all())


def test_form_without_csrf_token_is_refused(key: tuple[ApiKey, str], package: Package) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(CONNECT, {"key": key[1]}).status_code == 403
    session = client.session
    session["kiosk_key"] = key[0].pk
    session.save()
    client.cookies["sessionid"] = str(session.session_key)
    assert client.get(PAD).status_code == 200
    assert client.post(PAD, {"code": code_of(package), "nonce": NONCE}).status_code == 403
    package.refresh_from_db()
    assert package.status == Package.Status.STORED


def in_language(page: Any) -> str:
    """Return the language that the page declares."""
    found = re.search(r'<html lang="(\w+)">', page.content.decode())
    assert found
    return found[1]


def test_a_recipient_chooses_a_language_and_the_next_one_finds_the_screen_s_own(
    screen: Client, package: Package
) -> None:
    assert in_language(screen.get(PAD)) == "en"
    assert screen.get(PAD, {"lang": "lv"})["Location"] == PAD, "no choice stays in the address"
    page = screen.get(PAD)
    assert in_language(page) == "lv"
    assert "Ievadiet saņemšanas kodu" in page.content.decode()
    screen.post(PAD, {"code": wrong_code(package.location), "nonce": NONCE})
    assert "Šis kods šeit neatver nevienu nodalījumu." in screen.get(PAD).content.decode()
    opened = screen.post(PAD, {"code": code_of(package), "nonce": NONCE + "2"}, follow=True)
    assert in_language(opened) == "lv"
    assert "Jūsu nodalījums ir" in opened.content.decode()
    assert in_language(screen.get(PAD, follow=True)) == "en"


def test_a_choice_is_forgotten_after_a_while(screen: Client) -> None:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False) as clock:
        screen.get(PAD, {"lang": "de"})
        clock.shift(timedelta(minutes=2, seconds=59))
        assert in_language(screen.get(PAD)) == "de"
        clock.shift(timedelta(seconds=1))
        assert in_language(screen.get(PAD)) == "en"


@pytest.mark.parametrize("code", ["", "xx", "de-DE", "<script>", "e" * 5000])
def test_a_strange_language_is_the_screen_s_own(screen: Client, code: str) -> None:
    screen.get(PAD, {"lang": "de"})
    page = screen.get(PAD, {"lang": code}, follow=True)
    assert page.status_code == 200
    assert in_language(page) == "en"


def test_the_browser_s_setting_is_the_screen_s_own(screen: Client) -> None:
    assert in_language(screen.get(PAD, headers={"accept-language": "et,en;q=0.5"})) == "et"
    assert in_language(screen.get(PAD, headers={"accept-language": "fr"})) == "en"
